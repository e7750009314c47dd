// Node-only half of @fak/session: saved sessions as files by path.

import { openWith, writeFileAtomically } from '@fak/tensor/node'
import { openSavedSession as openSource, type SavedSession } from './saved/saved-session.js'
import type { SaveOptions, Session } from './session.js'

/**
 * Saves a session to a file whole or not at all: one of that name is replaced only when everything is on the disk, also when the process
 * is killed.
 *
 * @throws FakError `WRITE_FAILED`, and what {@link Session.save} throws
 */
export function saveSession(session: Session, path: string, options: SaveOptions = {}): Promise<void> {
  return writeFileAtomically(path, session.save(options))
}

/**
 * Opens a saved session by path, for `Session.restore`. Close it afterwards.
 *
 * @throws FakError `FILE_NOT_FOUND`, `FILE_IS_DIRECTORY`, `FILE_NOT_REGULAR`, `FILE_NOT_READABLE`; otherwise as `openSavedSession` of the main
 * entry
 */
export function openSavedSession(path: string): Promise<SavedSession> {
  return openWith(path, openSource)
}
