// The call that a parser is in: its tool, its arguments so far, as JSON text.

import { type ArgumentType, type ArgumentTypes, argumentTypes, isString, typedArgument } from './argument-types.js'
import type { ChatWarningCode } from './chat-events.js'
import type { ChatTool } from './tools.js'

const STRING: ArgumentType = { kinds: null, values: null }

/** The tools of a prompt. */
export class ToolBox {
  private readonly types = new Map<string, ArgumentTypes>()
  private readonly id: (index: number) => string

  constructor(tools: readonly ChatTool[], callId: ((index: number) => string) | undefined) {
    for (const tool of tools) this.types.set(tool.function.name, argumentTypes(tool))
    this.id = callId ?? randomId
  }

  /** Whether there is a tool of this name. */
  has(name: string): boolean {
    return this.types.has(name) || this.types.has(bare(name))
  }

  /** Begins a call. */
  open(written: string, index: number, wrapped: boolean): OpenCall {
    const name = !this.types.has(written) && this.types.has(bare(written)) ? bare(written) : written
    const types = this.types.get(name)
    return new OpenCall(index, this.id(index), name, wrapped, types, types !== undefined || this.types.size === 0)
  }
}

/** A name without the spaces or quotes that some models put around it. */
const bare = (name: string) => name.trim().replace(/^(["'])(.*)\1$/s, '$2')

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return `call_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** One call. */
export class OpenCall {
  /** Everything written of it. */
  text = ''
  /** Pieces of the JSON text of its arguments. */
  readonly json: string[] = []
  /** The parameter it is in. */
  value: OpenValue | undefined
  strayText = false
  private readonly seen = new Set<string>()

  constructor(
    readonly index: number,
    readonly id: string,
    readonly name: string,
    /** It began with `<tool_call>`. */
    readonly wrapped: boolean,
    private readonly types: ArgumentTypes | undefined,
    /** There is such a tool, or nothing is known about any. */
    readonly known: boolean,
  ) {}

  /** Begins a parameter: warnings, and JSON text that is certain already. */
  openParameter(written: string): { warnings: [ChatWarningCode, string][]; json: string } {
    const name = !this.types?.names.has(written) && this.types?.names.has(bare(written)) ? bare(written) : written
    const warnings: [ChatWarningCode, string][] = []
    if (this.seen.has(name))
      warnings.push(['duplicate-parameter', `${JSON.stringify(name)} comes again; the last counts`])
    const type = this.types === undefined ? STRING : this.types.typeOf(name)
    if (type === undefined)
      warnings.push(['unknown-parameter', `the tool has no parameter ${JSON.stringify(name)}; its value is a string`])
    const key = `${this.seen.size > 0 ? ', ' : ''}${JSON.stringify(name)}: `
    this.seen.add(name)
    this.value = new OpenValue(name, key, type ?? STRING)
    return { warnings, json: this.value.begin() }
  }

  /** Ends the parameter: the rest of its JSON text, and what is wrong with the value. */
  closeParameter(): { json: string; warning?: string } {
    const value = this.value!
    this.value = undefined
    return value.end()
  }

  /** Whether a parameter of this name may begin where the one before was not closed. */
  mayFollow(name: string): boolean {
    return this.types?.names.has(name) === true && !this.seen.has(name)
  }

  /** Tells that these parameters were given. */
  given(names: readonly string[]): void {
    for (const name of names) this.seen.add(name)
  }

  /** Required parameters that were not given. */
  missing(): string[] {
    return this.types?.required.filter((name) => !this.seen.has(name)) ?? []
  }
}

/** The value of one parameter. A string passes on as it comes; everything else waits for its end. */
class OpenValue {
  /** Its first character may be the line break after the tag, which is no part of it. */
  fresh = true
  /** What is next stands at the beginning of a line. */
  lineStart = true
  /** A line break at its end may be the one before the closing tag, which is no part of it either. */
  private lineBreak = ''
  private readonly parts: string[] = []
  private readonly streams: boolean

  constructor(
    private readonly name: string,
    private readonly key: string,
    private readonly type: ArgumentType,
  ) {
    this.streams = isString(type) && type.values === null
  }

  begin(): string {
    return this.streams ? `${this.key}"` : ''
  }

  /** Takes more text; returns the JSON text that is certain. */
  add(text: string): string {
    let more = this.lineBreak + text
    this.lineStart = more.endsWith('\n')
    this.lineBreak = this.lineStart ? '\n' : ''
    if (this.lineStart) more = more.slice(0, -1)
    if (this.streams) return JSON.stringify(more).slice(1, -1)
    this.parts.push(more)
    return ''
  }

  end(): { json: string; warning?: string } {
    if (this.streams) return { json: '"' }
    const { json, fits } = typedArgument(this.parts.join(''), this.type)
    const warning = `the value of ${JSON.stringify(this.name)} is not what the schema asks for; it is a string`
    return { json: this.key + json, ...(!fits && { warning }) }
  }
}
