// Tool definitions as the OpenAI API has them.

import { FakError } from '@fak/tensor'
import { type Plain, plainData } from './plain.js'

/** A JSON schema: an object, or `true` for anything. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** A function that the model may call. */
export interface ChatTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    /** JSON schema of the arguments: an object with `properties`. Left out: no schema is known, any arguments are taken. */
    readonly parameters?: JsonSchema
    readonly [key: string]: unknown
  }
  readonly [key: string]: unknown
}

const refusal = (file: string | null) => {
  return (reason: string, field: string): never => {
    throw new FakError('CHAT_BAD_TOOL', { file, reason, field })
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Checks tool definitions, which may come from a file or a request.
 *
 * @param file where they stand, for errors
 * @throws FakError `CHAT_BAD_TOOL` with the JSON path of what is wrong
 */
export function checkTools(tools: unknown, file: string | null = null): asserts tools is readonly ChatTool[] {
  const bad: (reason: string, field: string) => never = refusal(file)
  if (!Array.isArray(tools)) bad('tools must be an array', 'tools')
  const names = new Map<string, number>()
  for (const [i, tool] of tools.entries()) {
    const field = `tools[${i}]`
    if (!isRecord(tool)) bad('a tool must be an object', field)
    if (tool.type !== 'function') bad('type must be "function"', `${field}.type`)
    if (!isRecord(tool.function)) bad('function must be an object', `${field}.function`)
    const { name, description, parameters } = tool.function
    if (typeof name !== 'string' || name === '')
      bad('name must be a string that is not empty', `${field}.function.name`)
    if (description !== undefined && description !== null && typeof description !== 'string') {
      bad('description must be a string', `${field}.function.description`)
    }
    if (parameters !== undefined && parameters !== null && typeof parameters !== 'boolean' && !isRecord(parameters)) {
      bad('parameters must be a JSON schema: an object', `${field}.function.parameters`)
    }
    const before = names.get(name)
    if (before !== undefined) bad(`the name is that of tools[${before}] already`, `${field}.function.name`)
    names.set(name, i)
  }
}

/** Tool definitions in the form that templates expect; `null` for none. @throws FakError `CHAT_BAD_TOOL`, `CHAT_TOO_DEEP` */
export function templateTools(tools: readonly ChatTool[] | undefined): Plain {
  if (tools === undefined) return null
  checkTools(tools)
  return tools.length === 0 ? null : plainData(tools, 'tools', refusal(null))
}
