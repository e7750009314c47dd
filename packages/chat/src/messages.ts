// Chat messages as callers write them (the shape of the OpenAI API) and as templates expect them.

import { FakError, quote } from '@fak/tensor'
import { MAX_DATA_DEPTH } from './limits.js'

/** A piece of a message's content. Templates of text models know `text` only. */
export interface ContentPart {
  readonly type: string
  readonly text?: string
  readonly [key: string]: unknown
}

/** A call of a tool by the model. */
export interface ToolCall {
  readonly id?: string
  readonly type?: string
  readonly function: {
    readonly name: string
    /** An object, or the same as JSON text, as the OpenAI API has it. */
    readonly arguments?: string | Readonly<Record<string, unknown>>
  }
}

/** One message of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant` or `tool`; what else is allowed is up to the template. */
  readonly role: string
  readonly content?: string | readonly ContentPart[] | null
  /** What the model thought before it answered. */
  readonly reasoning_content?: string | null
  /** The same under the name that some servers use. */
  readonly reasoning?: string | null
  readonly name?: string
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
}

/** Data that a template can be handed: JSON, and functions where a caller puts them. */
type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain }

function bad(reason: string, field: string): never {
  throw new FakError('CHAT_BAD_MESSAGE', { reason, field })
}

/**
 * Messages in the form that templates expect: plain data, reasoning as `reasoning_content`, tool arguments as objects.
 *
 * @throws FakError `CHAT_BAD_MESSAGE` names what is wrong; `CHAT_TOO_DEEP` for data nested deeper than {@link MAX_DATA_DEPTH}.
 */
export function templateMessages(messages: readonly ChatMessage[]): Plain[] {
  if (!Array.isArray(messages)) bad('messages must be an array', 'messages')
  return messages.map((message, i) => templateMessage(message, `messages[${i}]`))
}

function templateMessage(message: ChatMessage, field: string): Plain {
  if (typeof message !== 'object' || message === null) bad('a message must be an object', field)
  const { role, content, reasoning, tool_calls: calls, ...rest } = message
  if (typeof role !== 'string') bad('role must be a string', `${field}.role`)
  if (content !== undefined && content !== null && typeof content !== 'string' && !Array.isArray(content)) {
    bad('content must be a string, an array of parts or null', `${field}.content`)
  }
  if (rest.reasoning_content === undefined || rest.reasoning_content === null) {
    delete (rest as { reasoning_content?: unknown }).reasoning_content
    if (typeof reasoning === 'string') Object.assign(rest, { reasoning_content: reasoning })
  }
  const plain = plainData({ role, content: joinText(content ?? ''), ...rest }, field) as { [key: string]: Plain }
  if (calls !== undefined && calls !== null) {
    if (!Array.isArray(calls)) bad('tool_calls must be an array', `${field}.tool_calls`)
    plain.tool_calls = calls.map((call, i) => templateCall(call, `${field}.tool_calls[${i}]`))
  }
  return plain
}

/** Parts that are all text as one string: every template takes that, and many take nothing else. */
function joinText(content: string | readonly ContentPart[]): string | readonly ContentPart[] {
  if (typeof content === 'string') return content
  const texts = content.map((part) => (part?.type === 'text' && typeof part.text === 'string' ? part.text : undefined))
  return texts.every((text) => text !== undefined) ? texts.join('') : content
}

function templateCall(call: ToolCall, field: string): Plain {
  const target = call?.function
  if (typeof target !== 'object' || target === null) bad('a tool call must have a function', field)
  const { arguments: given = {} } = target
  const args = typeof given === 'string' ? parseArguments(given, `${field}.function.arguments`) : given
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    bad('arguments must be an object', `${field}.function.arguments`)
  }
  return plainData({ ...call, function: { ...target, arguments: args } }, field)
}

function parseArguments(text: string, field: string): unknown {
  // Some clients write nothing for a call without arguments.
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return bad(`arguments are not JSON: ${quote(text)}`, field)
  }
}

/**
 * A copy of JSON-like data: own enumerable properties only, no `undefined`, lone surrogates replaced by U+FFFD.
 *
 * @throws FakError `CHAT_TOO_DEEP`; `CHAT_BAD_MESSAGE` for a function, symbol or bigint.
 */
export function plainData(value: unknown, field: string, depth = 0): Plain {
  if (depth > MAX_DATA_DEPTH) {
    throw new FakError('CHAT_TOO_DEEP', { reason: `data is nested deeper than ${MAX_DATA_DEPTH}`, field })
  }
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((item) => plainData(item, field, depth + 1))
  if (typeof value !== 'object') bad(`a ${typeof value} is no data for a template`, field)
  const copy: { [key: string]: Plain } = Object.create(null)
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) copy[wellFormed(key)] = plainData(member, field, depth + 1)
  }
  return copy
}

/** `text` with lone surrogates replaced by U+FFFD; `String.prototype.toWellFormed`, which TypeScript's ES2023 does not list. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
