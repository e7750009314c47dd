// What to do with a conversation that has outgrown the context: leave its oldest turns out, as a whole.

import type { ChatMessage } from './messages.js'

/** Choices for {@link dropOldTurns}. */
export interface DropTurnsOptions {
  /**
   * Whether a prompt of these messages is short enough, with room for the answer: render and count. Fewer turns must not make a longer
   * prompt. What it throws, {@link dropOldTurns} throws.
   */
  readonly fits: (messages: readonly ChatMessage[]) => boolean
}

/** What {@link dropOldTurns} leaves. */
export interface KeptTurns {
  /** The messages that stay, in their order. */
  readonly messages: readonly ChatMessage[]
  /** How many turns were dropped. */
  readonly droppedTurns: number
  /** How many messages these were. */
  readonly droppedMessages: number
  /** Whether what is left fits. If not, it is the last turn with the instructions: nothing more may be dropped. */
  readonly fits: boolean
}

/**
 * Leaves out as few of the oldest turns as it takes for the rest to fit. A turn is a message of the user (or several in a row) with
 * everything up to the next one: answers, calls of tools and their results. It goes as a whole, since a result without its call, or an answer
 * without its question, would mislead the model. What stands before the first message of the user goes with the first turn. Never dropped
 * are messages of the roles `system` and `developer`, and the last turn, which asks what is to be answered.
 *
 * Asks `fits` once when everything fits, else at most 1 + ⌈log2(turns)⌉ times.
 */
export function dropOldTurns(messages: readonly ChatMessage[], { fits }: DropTurnsOptions): KeptTurns {
  if (fits(messages)) return { messages, droppedTurns: 0, droppedMessages: 0, fits: true }
  const starts = turnStarts(messages)
  const last = Math.max(0, starts.length - 1)
  let best: KeptTurns = { ...without(last, starts, messages), fits: false }
  let least = 1
  let most = last
  while (least <= most) {
    const middle = (least + most) >> 1
    const kept = without(middle, starts, messages)
    if (fits(kept.messages)) {
      best = { ...kept, fits: true }
      most = middle - 1
    } else least = middle + 1
  }
  return best
}

/** What is left of the messages without the first so many turns. */
function without(turns: number, starts: readonly number[], messages: readonly ChatMessage[]): Omit<KeptTurns, 'fits'> {
  if (turns === 0) return { messages, droppedTurns: 0, droppedMessages: 0 }
  const from = starts[turns]!
  const kept = messages.filter((message, i) => i >= from || isInstruction(message))
  return { messages: kept, droppedTurns: turns, droppedMessages: messages.length - kept.length }
}

const isInstruction = ({ role }: ChatMessage) => role === 'system' || role === 'developer'

/** Where each turn begins. */
function turnStarts(messages: readonly ChatMessage[]): number[] {
  const starts: number[] = []
  for (const [i, { role }] of messages.entries()) {
    if (role === 'user' && messages[i - 1]?.role !== 'user') starts.push(i)
  }
  return starts
}
