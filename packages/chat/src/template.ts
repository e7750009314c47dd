// Chat templates: a conversation in, the prompt out.

import { FakError, quote } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import { Environment, type Node } from './engine.js'
import { STEPS_PER_ITERATION, TemplateInterpreter } from './interpreter.js'
import { MAX_TEMPLATE_STEPS } from './limits.js'
import { TokenMarks } from './marks.js'
import { type ChatMessage, templateMessages } from './messages.js'
import { type Plain, plainData, plainValue } from './plain.js'
import { parseTemplate } from './syntax.js'
import { type ChatTool, templateTools } from './tools.js'

/** Options of {@link ChatTemplate.render}. */
export interface RenderOptions {
  /** Functions that the model may call. */
  tools?: readonly ChatTool[] | undefined
  /** Whether the model should think first. Default: the template's own default, which differs by model. */
  enableThinking?: boolean | undefined
  /** Whether earlier answers keep their reasoning in the prompt. Default: the template's own (Qwen3.6: no, Qwen3.8: yes). */
  preserveThinking?: boolean | undefined
  /** How much to think, in the template's words (Qwen3.8: `xhigh`, `medium` or `low`). Default: the template's own. */
  reasoningEffort?: string | undefined
  /** End with the beginning of an answer. Default true. */
  addGenerationPrompt?: boolean | undefined
  /**
   * Other variables of the template, such as `add_vision_id`. Strings in them are text, like messages, but for
   * `bos_token`, `eos_token`, `pad_token` and `unk_token`, which may hold control tokens.
   */
  variables?: Readonly<Record<string, unknown>> | undefined
}

/** A prompt as tokens. */
export interface EncodedChat {
  readonly ids: Uint32Array
  /** The prompt ends inside an open `<think>` block: what the model generates first is reasoning. */
  readonly reasoningOpen: boolean
}

/** The options that stand for a variable of the template, and what they must be. */
const SWITCHES = [
  { option: 'enableThinking', variable: 'enable_thinking', type: 'boolean' },
  { option: 'preserveThinking', variable: 'preserve_thinking', type: 'boolean' },
  { option: 'reasoningEffort', variable: 'reasoning_effort', type: 'string' },
] as const

const TOKEN_VARIABLES = new Set(['bos_token', 'eos_token', 'pad_token', 'unk_token'])

type TemplateFunction = (...args: unknown[]) => unknown
type Variables = Record<string, Plain | TemplateFunction>

/** A parsed chat template in the Jinja dialect of HF transformers. Immutable; rendering has no side effects. */
export class ChatTemplate {
  private identifiers: ReadonlySet<string> | undefined

  private constructor(
    /** The template's source. */
    readonly source: string,
    private readonly program: Node,
    private readonly file: string | null,
  ) {}

  /**
   * Parses a template.
   *
   * @throws FakError `TEMPLATE_SYNTAX` (line and column), `TEMPLATE_UNSUPPORTED`, `TEMPLATE_TOO_LARGE`, `TEMPLATE_TOO_DEEP`
   */
  static parse(source: string, options: { file?: string } = {}): ChatTemplate {
    const file = options.file ?? null
    return new ChatTemplate(source, parseTemplate(source, file), file)
  }

  /**
   * The prompt for a conversation, as text. To generate from it use {@link encodeChat}, which keeps apart what the template
   * and what the users wrote.
   *
   * @throws FakError `TEMPLATE_RAISED` when the template refuses the messages, `TEMPLATE_UNSUPPORTED` when it uses something
   *   this engine lacks, `TEMPLATE_BUDGET` and `TEMPLATE_TOO_DEEP` when it takes too much, `TEMPLATE_EMPTY`,
   *   `TEMPLATE_FAILED` for other errors in it; `CHAT_BAD_MESSAGE`, `CHAT_BAD_TOOL`, `CHAT_BAD_OPTION` and `CHAT_TOO_DEEP` with
   *   the JSON path of what is wrong in the messages, tools or options; `CHAT_UNSUPPORTED_OPTION` for an option (or tools)
   *   that the template would ignore.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    return this.run(this.variables(messages, options), undefined)
  }

  /** What {@link encodeChat} does; there so that the program stays private. */
  encode(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: RenderOptions = {}): EncodedChat {
    const variables = this.variables(messages, options)
    const marks = new TokenMarks(tokenizer, [
      this.source,
      ...Object.values(variables).flatMap((value) => [...strings(value)]),
    ])
    for (const [name, value] of Object.entries(variables)) {
      if (TOKEN_VARIABLES.has(name) && typeof value === 'string') variables[name] = marks.mark(value)
    }
    const ids = marks.encode(this.run(variables, marks))
    const last = (token: string): number => {
      const id = tokenizer.idOf(token)
      return id === undefined ? -1 : ids.lastIndexOf(id)
    }
    return { ids, reasoningOpen: last('<think>') > last('</think>') }
  }

  private variables(messages: readonly ChatMessage[], options: RenderOptions): Variables {
    const { tools, addGenerationPrompt = true, variables = {} } = options
    const given: Variables = {}
    for (const [name, value] of Object.entries(variables)) {
      given[name] =
        typeof value === 'function' ? (value as TemplateFunction) : plainData(value, `variables.${name}`, badOption)
    }
    if (typeof addGenerationPrompt !== 'boolean') badOption('must be a boolean', 'addGenerationPrompt')
    given.messages = templateMessages(messages)
    given.tools = templateTools(tools)
    if (given.tools !== null) this.needs('tools', 'tools')
    given.add_generation_prompt = addGenerationPrompt
    for (const { option, variable, type } of SWITCHES) {
      const value = options[option]
      if (value === undefined) continue
      if (typeof value !== type) badOption(`must be a ${type}`, option)
      this.needs(option, variable)
      given[variable] = value
    }
    return given
  }

  /** Refuses an option that this template would ignore. */
  private needs(option: string, variable: string): void {
    this.identifiers ??= identifiersOf(this.program)
    if (this.identifiers.has(variable)) return
    const reason = `the template does not know ${variable}, so it would ignore the option`
    throw new FakError('CHAT_UNSUPPORTED_OPTION', { file: this.file, reason, field: option })
  }

  private run(variables: Variables, marks: TokenMarks | undefined): string {
    const environment = new Environment()
    try {
      const given: Variables = { ...this.globals(marks), ...variables }
      for (const [name, value] of Object.entries(given)) {
        // The engine declares `namespace` in every environment and refuses to declare it again.
        if (name === 'namespace') continue
        if (typeof value === 'function') environment.set(name, value)
        else environment.setVariable(name, plainValue(value))
      }
      const interpreter = new TemplateInterpreter(environment, this.file, marks)
      const text = String(interpreter.run(this.program).value)
      if (text.trim() === '') this.fail('TEMPLATE_EMPTY', 'the template gives an empty prompt')
      return text
    } catch (error) {
      if (FakError.isInstance(error)) throw error
      return this.failed(error as Error)
    }
  }

  private globals(marks: TokenMarks | undefined): Variables {
    return {
      true: true,
      false: false,
      none: null,
      True: true,
      False: false,
      None: null,
      range: (...bounds) => this.range(bounds as number[]),
      raise_exception: (message) => {
        const text = marks ? marks.unmark(String(message)) : String(message)
        this.fail('TEMPLATE_RAISED', `the template refuses these messages: ${quote(text)}`)
      },
    }
  }

  /** Python's `range`, refused before it is built when no template could loop over it within its budget. */
  private range(bounds: number[]): number[] {
    const [start, stop, step] = bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1]
    if (![start, stop, step].every(Number.isSafeInteger) || step === 0) {
      this.fail('TEMPLATE_FAILED', 'range takes integers, and a step that is not 0')
    }
    const count = Math.max(0, Math.ceil((stop - start) / step))
    if (count * STEPS_PER_ITERATION > MAX_TEMPLATE_STEPS) this.fail('TEMPLATE_BUDGET', `a range of ${count} numbers`)
    return Array.from({ length: count }, (_, i) => start + i * step)
  }

  private fail(code: string, reason: string, cause?: unknown): never {
    throw new FakError(code, { file: this.file, reason, cause })
  }

  /** Names what went wrong in the engine; its messages are those of version 0.5. */
  private failed(error: Error): never {
    const { message } = error
    if (error instanceof RangeError) {
      const deep = message.includes('call stack')
      const reason = deep ? 'evaluation is nested too deeply' : 'the template builds too long a string or list'
      this.fail(deep ? 'TEMPLATE_TOO_DEEP' : 'TEMPLATE_BUDGET', reason, error)
    }
    const filter =
      /^Unknown (\w+) filter: (.*)$/s.exec(message) ?? /^Cannot apply filter "(.*)" to type: (.*)$/s.exec(message)
    if (filter) this.fail('TEMPLATE_UNSUPPORTED', `filter: ${quote(message)}`, error)
    const test = /^Unknown test: (.*)$/s.exec(message)
    if (test) this.fail('TEMPLATE_UNSUPPORTED', `test ${quote(test[1]!)} is not supported`, error)
    return this.fail('TEMPLATE_FAILED', `the template fails: ${quote(message)}`, error)
  }
}

/** Every string in plain data, keys included. */
function* strings(value: Plain | TemplateFunction): Generator<string> {
  if (typeof value === 'string') yield value
  else if (Array.isArray(value)) for (const item of value) yield* strings(item)
  else if (value instanceof Map) {
    for (const [key, member] of value) {
      yield key
      yield* strings(member)
    }
  }
}

/** Every name that a program mentions. */
function identifiersOf(program: Node): Set<string> {
  const names = new Set<string>()
  const waiting: unknown[] = [program]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (typeof node !== 'object' || node === null) continue
    const { type, value } = node as Node
    if (type === 'Identifier') names.add(value)
    for (const member of node instanceof Map ? node.values() : Object.values(node)) waiting.push(member ?? null)
    if (node instanceof Map) for (const key of node.keys()) waiting.push(key)
  }
  return names
}

function badOption(reason: string, field: string): never {
  throw new FakError('CHAT_BAD_OPTION', { reason, field })
}

/**
 * Token ids of the prompt for a conversation, in which only the template can write control tokens: `<|im_end|>` or
 * `<think>` in a message, a tool definition or a tool's arguments is ordinary text.
 *
 * While the template runs, control tokens in its own text are private-use characters that occur nowhere in the input; the
 * rest of its output is encoded as text. For messages without control tokens the ids are those of
 * `tokenizer.encode(template.render(messages, options), { special: 'all' })`. A template that pieces a control token together
 * (`'<|' + message.role + '|>'`) gets text instead; Qwen's do not.
 *
 * @throws FakError as {@link ChatTemplate.render}
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: RenderOptions = {},
): EncodedChat {
  return template.encode(tokenizer, messages, options)
}
