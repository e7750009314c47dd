// Chat messages as callers write them (the shape of the OpenAI API) and as templates expect them.

import { FakError, quote } from '@fak/tensor'
import { type Plain, plainData, plainJson } from './plain.js'

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

function bad(reason: string, field: string): never {
  throw new FakError('CHAT_BAD_MESSAGE', { reason, field })
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Messages in the form that templates expect: plain data, reasoning as `reasoning_content`, tool arguments as objects.
 *
 * @throws FakError `CHAT_BAD_MESSAGE` with the JSON path of what is wrong; `CHAT_TOO_DEEP`
 */
export function templateMessages(messages: readonly ChatMessage[]): Plain[] {
  if (!Array.isArray(messages)) bad('messages must be an array', 'messages')
  return messages.map((message, i) => templateMessage(message, `messages[${i}]`))
}

function templateMessage(message: ChatMessage, field: string): Plain {
  if (!isRecord(message)) bad('a message must be an object', field)
  const { role, content, reasoning, reasoning_content, tool_calls: calls, ...rest } = message
  if (typeof role !== 'string') bad('role must be a string', `${field}.role`)
  if (content !== undefined && content !== null && typeof content !== 'string' && !Array.isArray(content)) {
    bad('content must be a string, an array of parts or null', `${field}.content`)
  }
  for (const [name, value] of Object.entries({
    reasoning_content,
    reasoning,
    name: rest.name,
    tool_call_id: rest.tool_call_id,
  })) {
    if (value !== undefined && value !== null && typeof value !== 'string')
      bad(`${name} must be a string or null`, `${field}.${name}`)
  }
  const thought = reasoning_content ?? reasoning
  const given = {
    role,
    content: joinText(content ?? ''),
    ...(typeof thought === 'string' && { reasoning_content: thought }),
    ...rest,
  }
  const plain = plainData(given, field, bad) as Map<string, Plain>
  if (calls !== undefined && calls !== null) {
    if (!Array.isArray(calls)) bad('tool_calls must be an array', `${field}.tool_calls`)
    plain.set(
      'tool_calls',
      calls.map((call, i) => templateCall(call, `${field}.tool_calls[${i}]`)),
    )
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
  if (!isRecord(target)) bad('a tool call must have a function', field)
  const { arguments: given, ...rest } = target
  if (typeof rest.name !== 'string' || rest.name === '')
    bad('name must be a string that is not empty', `${field}.function.name`)
  const plain = plainData({ ...call, function: rest }, field, bad) as Map<string, Plain>
  const args = templateArguments(given ?? {}, `${field}.function.arguments`)
  ;(plain.get('function') as Map<string, Plain>).set('arguments', args)
  return plain
}

function templateArguments(given: unknown, field: string): Plain {
  const plain = typeof given === 'string' ? parseArguments(given, field) : plainData(given, field, bad)
  return plain instanceof Map ? plain : bad('arguments must be an object', field)
}

function parseArguments(text: string, field: string): Plain {
  // Some clients write nothing for a call without arguments.
  if (text.trim() === '') return new Map()
  try {
    return plainJson(text, field)
  } catch (error) {
    if (FakError.isInstance(error)) throw error
    return bad(`arguments are not JSON: ${quote(text)}`, field)
  }
}
