// Sorted output in few lines: over a stream, or of a whole text, with the message that the next turn's prompt takes.

import type { ChatEvent, ChatWarning, ToolCallEnd, ToolCallIncomplete } from './chat-events.js'
import { ChatParser, type ChatParserOptions } from './chat-parser.js'
import type { ChatMessage } from './messages.js'

/**
 * {@link ChatParser} over a stream of text, or of a session's events: their `text` events are sorted, all others are passed on, and
 * the `end` event comes before the session's `done`.
 *
 * @throws FakError `CHAT_BAD_TOOL`
 */
export function parseChat(
  source: AsyncIterable<string> | Iterable<string>,
  options?: ChatParserOptions,
): AsyncGenerator<ChatEvent, void, void>
export function parseChat<E extends { readonly type: string }>(
  source: AsyncIterable<string | E> | Iterable<string | E>,
  options?: ChatParserOptions,
): AsyncGenerator<ChatEvent | Exclude<E, { readonly type: 'text' }>, void, void>
export async function* parseChat<E extends { readonly type: string }>(
  source: AsyncIterable<string | E> | Iterable<string | E>,
  options: ChatParserOptions = {},
): AsyncGenerator<ChatEvent | Exclude<E, { readonly type: 'text' }>, void, void> {
  const parser = new ChatParser(options)
  let ended = false
  for await (const piece of source) {
    const text = typeof piece === 'string' ? piece : textOf(piece)
    if (text !== undefined) {
      yield* parser.push(text)
      continue
    }
    const event = piece as Exclude<E, { readonly type: 'text' }>
    if (event.type === 'done') {
      ended = true
      yield* parser.end()
    }
    yield event
  }
  if (!ended) yield* parser.end()
}

function textOf(event: { readonly type: string; readonly text?: unknown }): string | undefined {
  return event.type === 'text' && typeof event.text === 'string' ? event.text : undefined
}

/** A whole output, sorted. */
export interface ChatReply {
  readonly reasoning: string
  readonly text: string
  readonly toolCalls: readonly ToolCallEnd[]
  /** The call that the output ended in. */
  readonly incomplete: ToolCallIncomplete | null
  readonly warnings: readonly ChatWarning[]
  /** The reply as a message of the conversation, calls included, incomplete ones left out. */
  readonly message: ChatMessage
}

/** Puts the events of one output together. */
export function chatReply(events: Iterable<ChatEvent>): ChatReply {
  const prose = { reasoning: '', text: '' }
  const toolCalls: ToolCallEnd[] = []
  const warnings: ChatWarning[] = []
  let incomplete: ToolCallIncomplete | null = null
  for (const event of events) {
    if (event.type === 'reasoning' || event.type === 'text') prose[event.type] += event.text
    else if (event.type === 'tool-call') toolCalls.push(event)
    else if (event.type === 'warning') warnings.push(event)
    else if (event.type === 'tool-call-incomplete') incomplete = event
  }
  const { reasoning, text } = prose
  const message: ChatMessage = {
    role: 'assistant',
    content: text,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ id, name, json }) => ({
        id,
        type: 'function',
        function: { name, arguments: json },
      })),
    }),
  }
  return { reasoning, text, toolCalls, incomplete, warnings, message }
}

/** Sorts a whole text. @throws FakError `CHAT_BAD_TOOL` */
export function parseReply(text: string, options: ChatParserOptions = {}): ChatReply {
  const parser = new ChatParser(options)
  return chatReply([...parser.push(text), ...parser.end()])
}
