// A conversation that outlives the process: the session's state and the messages, in one file.

import type { ChatMessage, ChatTemplate } from '@fak/chat'
import { fingerprint, modelFingerprint, type Session, type SessionIdentity } from '@fak/session'
import { openSavedSession, saveSession } from '@fak/session/node'
import { FakError } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import type { OpenedModel } from '../model/opened.js'

/** Name of the section that holds the messages, as JSON. */
const MESSAGES = 'messages'

/** Whose states a conversation makes: of this model, with this tokenizer and template. */
export async function identityOf(
  { model }: OpenedModel,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  { size }: { readonly size: number },
): Promise<SessionIdentity> {
  const pieces = function* () {
    yield template.source
    for (let id = 0; id < size; id++) yield tokenizer.has(id) ? tokenizer.tokenBytes(id) : new Uint8Array()
  }
  return { model: await modelFingerprint(model.program(), model.weights), tokenizer: await fingerprint(pieces()) }
}

/** What a file gave. */
export interface Resumed {
  readonly messages: readonly ChatMessage[]
  /** Why its state was of no use and everything is computed again; `null` when it was restored. */
  readonly recomputed: FakError | null
}

/**
 * Puts what is saved in a file into a session. `null` when there is no such file yet.
 *
 * @param dropsTurns The conversation may be longer than the context, since old turns will be left out of the prompt.
 * @throws FakError with a `STATE_` code for a damaged file, and what opening throws
 */
export async function resume(path: string, session: Session, dropsTurns: boolean): Promise<Resumed | null> {
  const saved = await openSavedSession(path).catch((error) => {
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return null
    throw error
  })
  if (saved === null) return null
  try {
    const messages = parseMessages(path, await saved.extra(MESSAGES))
    try {
      const { replayed } = await session.restore(saved, { replay: true })
      return { messages, recomputed: replayed }
    } catch (error) {
      // The messages are as good as ever; their tokens are others here.
      if (FakError.isInstance(error, 'STATE_TOKENIZER_MISMATCH')) return { messages, recomputed: error }
      if (dropsTurns && FakError.isInstance(error, 'STATE_TOO_LONG')) return { messages, recomputed: error }
      throw error
    }
  } finally {
    await saved.close()
  }
}

/** Saves a session with its messages. @throws FakError `WRITE_FAILED` */
export function save(path: string, session: Session, messages: readonly ChatMessage[]): Promise<void> {
  return saveSession(session, path, { extra: { [MESSAGES]: new TextEncoder().encode(JSON.stringify(messages)) } })
}

/** The messages themselves are checked when a prompt is made of them. */
function parseMessages(path: string, bytes: Uint8Array): ChatMessage[] {
  try {
    const messages: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (Array.isArray(messages)) return messages
  } catch {
    // Said below.
  }
  throw new FakError('STATE_BAD_SECTION', {
    file: path,
    reason: 'the messages of the conversation are not a JSON list',
    field: `extra/${MESSAGES}`,
  })
}
