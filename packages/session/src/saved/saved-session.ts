// A saved session as a file that was opened: what it says of itself, and what its user put in.

import type { ByteSource } from '@fak/tensor'
import { type About, readAbout, type SavedCheckpoint, type SessionIdentity } from './about.js'
import { Container } from './container.js'
import { EXTRA } from './content.js'
import { type RestoreTarget, restoredContent } from './restore.js'

/** Opened by {@link openSavedSession}; restored by `Session.restore`. */
export class SavedSession {
  readonly #source: ByteSource
  readonly #container: Container
  readonly #about: About

  private constructor(source: ByteSource, container: Container, about: About) {
    this.#source = source
    this.#container = container
    this.#about = about
  }

  /** See {@link openSavedSession}. */
  static async open(source: ByteSource): Promise<SavedSession> {
    const container = await Container.open(source)
    return new SavedSession(source, container, await readAbout(container))
  }

  /** Whose state it is. */
  get identity(): SessionIdentity {
    return this.#about.identity
  }

  /** How many tokens it holds. */
  get tokens(): number {
    return this.#about.tokens
  }

  /** The places that the conversation can come back to. */
  get checkpoints(): readonly SavedCheckpoint[] {
    return this.#about.checkpoints
  }

  /** Names of what its user put in. */
  get extras(): string[] {
    const names = [...this.#container.sections.keys()]
    return names.filter((name) => name.startsWith(EXTRA)).map((name) => name.slice(EXTRA.length))
  }

  /** What its user put in under this name. @throws FakError `STATE_MISSING_SECTION`, `STATE_CHECKSUM`, and the source's own */
  extra(name: string): Promise<Uint8Array> {
    return this.#container.read(EXTRA + name)
  }

  /** States for `Session.restore`. */
  content(target: RestoreTarget, replay: boolean): ReturnType<typeof restoredContent> {
    return restoredContent(this.#container, this.#about, target, replay)
  }

  /** Closes the source. Safe to call twice. */
  close(): Promise<void> {
    return this.#source.close()
  }
}

/**
 * Opens a saved session and checks its table and what it says of itself. It owns the source from then on: close it after restoring.
 *
 * @throws FakError `STATE_BAD_MAGIC`, `STATE_BAD_VERSION`, `STATE_TRUNCATED`, `STATE_BAD_SECTION`, `STATE_CHECKSUM`,
 * `STATE_DUPLICATE_SECTION`, `STATE_MISSING_SECTION`, `STATE_INCONSISTENT`; the source's own
 */
export function openSavedSession(source: ByteSource): Promise<SavedSession> {
  return SavedSession.open(source)
}
