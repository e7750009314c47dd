// --on-overflow: what becomes of a conversation that has outgrown the context.

import { type ChatMessage, dropOldTurns, type EncodedChat } from '@fak/chat'
import { FakError } from '@fak/tensor'

/** What `--on-overflow` takes. */
export const ON_OVERFLOW = ['error', 'drop-turns'] as const

/** One of {@link ON_OVERFLOW}. */
export type OnOverflow = (typeof ON_OVERFLOW)[number]

/** Tokens kept free for an answer whose length nobody limited. */
const USUAL_ANSWER = 1024

/** The context that a prompt must fit. */
export interface Room {
  readonly contextLength: number
  /** What the model was made for: the largest context. */
  readonly trained: number
  /** Most tokens of the answer, where the user has said it. */
  readonly maxTokens: number | undefined
  readonly onOverflow: OnOverflow
}

/** A prompt that fits, and how many turns it leaves out. */
export interface FittedPrompt {
  readonly messages: readonly ChatMessage[]
  readonly prompt: EncodedChat
  readonly droppedTurns: number
}

/** Tokens that `drop-turns` keeps free for the answer: those asked for, else 1024, but at most half of the context. */
export function answerReserve({
  contextLength,
  maxTokens = USUAL_ANSWER,
}: Pick<Room, 'contextLength' | 'maxTokens'>): number {
  return Math.min(maxTokens, contextLength >> 1)
}

/**
 * The prompt of a conversation, without its oldest turns where it must be and may. They make room for the answer as well; when all of
 * them are gone, what room there is must do.
 *
 * @param encode Makes the prompt of these messages.
 * @throws FakError `CONTEXT_LENGTH_EXCEEDED` with both counts and what can be done; what `encode` throws
 */
export function fitPrompt(
  messages: readonly ChatMessage[],
  encode: (messages: readonly ChatMessage[]) => EncodedChat,
  room: Room,
): FittedPrompt {
  const prompts = new Map<readonly ChatMessage[], EncodedChat>()
  const lengthOf = (kept: readonly ChatMessage[]) => {
    const prompt = encode(kept)
    prompts.set(kept, prompt)
    return prompt.ids.length
  }
  const limit = room.contextLength - answerReserve(room)
  const kept =
    room.onOverflow === 'error'
      ? { messages, droppedTurns: 0 }
      : dropOldTurns(messages, { fits: (some) => lengthOf(some) <= limit })
  const prompt = prompts.get(kept.messages) ?? encode(kept.messages)
  const { length } = prompt.ids
  if (length > room.contextLength) throw exceeded(length, kept.droppedTurns, room)
  return { messages: kept.messages, prompt, droppedTurns: kept.droppedTurns }
}

function exceeded(length: number, droppedTurns: number, { contextLength, trained, onOverflow }: Room): FakError {
  const without = droppedTurns === 0 ? '' : `, even without ${turnsText(droppedTurns)}`
  const ways = [
    'shorten it',
    ...(contextLength < trained ? [`take a larger --context, up to ${trained}`] : []),
    ...(onOverflow === 'error' ? ['let --on-overflow drop-turns leave old turns out'] : []),
  ]
  const reason = `the prompt has ${length} tokens and the context holds ${contextLength}${without}: ${ways.join(', or ')}`
  return new FakError('CONTEXT_LENGTH_EXCEEDED', { reason, field: 'contextLength' })
}

/** For people: the turns that a prompt leaves out. */
export function turnsText(turns: number): string {
  return turns === 1 ? 'the oldest turn' : `the ${turns} oldest turns`
}

/** What to say of an answer to a prompt that leaves turns out. */
export function droppedNote(droppedTurns: number): string {
  return `the context is full: the model was not shown ${turnsText(droppedTurns)}`
}
