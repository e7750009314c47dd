// One turn of a chat: a generation sorted into thinking, answer and calls of tools.

import { type ChatEvent, type ChatMessage, type ChatReply, chatReply, type ToolCallEnd } from '@fak/chat'
import type { DoneEvent, FinishReason, PrefillEvent, SessionEvent, TokenEvent } from '@fak/session'

type WithoutRaw<T> = T extends unknown ? Omit<T, 'raw'> : never

/** Something that was said: text, thinking, a call, or a warning about one. */
export type SaidEvent = WithoutRaw<Exclude<ChatEvent, { readonly type: 'end' }>>

/** A complete call. */
export type Call = Pick<ToolCallEnd, 'id' | 'name' | 'arguments'>

/** The end of a turn: the session's figures, with the text sorted. */
export interface TurnDone extends Omit<DoneEvent, 'finishReason'> {
  /** `tool_calls`: the answer is done, and it calls tools. */
  readonly finishReason: FinishReason | 'tool_calls'
  readonly reasoning: string
  readonly toolCalls: readonly Call[]
}

/** Comes first where the prompt leaves out the oldest turns, because the context cannot hold them. */
export interface DroppedTurnsEvent {
  readonly type: 'dropped-turns'
  /** How many, messages of the user with all that answers them. */
  readonly turns: number
}

/** Events of one turn. */
export type TurnEvent = DroppedTurnsEvent | PrefillEvent | TokenEvent | SaidEvent | TurnDone

/** What was said, sorted, among the other events of a generation. */
export type SortedEvent = ChatEvent | Exclude<SessionEvent, { readonly type: 'text' }>

/**
 * Puts a sorted generation together.
 *
 * @returns what the model said as a message of the conversation, or `null` when it neither answered nor called
 */
export async function* turn(
  sorted: AsyncIterable<SortedEvent>,
): AsyncGenerator<Exclude<TurnEvent, DroppedTurnsEvent>, ChatMessage | null> {
  const said: ChatEvent[] = []
  let reply: ChatReply | undefined
  for await (const event of sorted) {
    if (event.type === 'prefill' || event.type === 'token') {
      yield event
    } else if (event.type === 'done') {
      reply = chatReply(said)
      const { text, reasoning, toolCalls } = reply
      const finishReason = event.finishReason === 'stop' && toolCalls.length > 0 ? 'tool_calls' : event.finishReason
      const calls = toolCalls.map(({ id, name, arguments: args }) => ({ id, name, arguments: args }))
      yield { ...event, finishReason, text, reasoning, toolCalls: calls }
    } else {
      said.push(event)
      if (event.type === 'end') continue
      const { raw: _, ...rest } = event
      yield rest as SaidEvent
    }
  }
  return reply === undefined || (reply.text === '' && reply.toolCalls.length === 0) ? null : reply.message
}
