// Chat templates: a conversation in, the prompt out.

import { FakError, quote } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import { Environment, type Node } from './engine.js'
import { STEPS_PER_ITERATION, TemplateInterpreter } from './interpreter.js'
import { MAX_TEMPLATE_STEPS } from './limits.js'
import { TokenMarks } from './marks.js'
import { type ChatMessage, plainData, templateMessages } from './messages.js'
import { parseTemplate } from './syntax.js'

/** Options of {@link ChatTemplate.render}. */
export interface RenderOptions {
  /** Tool definitions in the shape of the OpenAI API. */
  tools?: readonly object[] | undefined
  /** Whether the model should think first. Default: the template's own default, which differs by model. */
  enableThinking?: boolean | undefined
  /** End with the beginning of an answer. Default true. */
  addGenerationPrompt?: boolean | undefined
  /**
   * Other variables of the template, such as `preserve_thinking`. Strings in them are text, like messages, but for
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

const TOKEN_VARIABLES = new Set(['bos_token', 'eos_token', 'pad_token', 'unk_token'])

/** A parsed chat template in the Jinja dialect of HF transformers. Immutable; rendering has no side effects. */
export class ChatTemplate {
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
   *   `TEMPLATE_FAILED` for other errors in it; `CHAT_BAD_MESSAGE` and `CHAT_TOO_DEEP` for the messages themselves.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    return this.run(this.variables(messages, options), undefined)
  }

  /** What {@link encodeChat} does; there so that the program stays private. */
  encode(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: RenderOptions = {}): EncodedChat {
    const variables = this.variables(messages, options)
    const marks = new TokenMarks(tokenizer, [this.source, ...strings(variables)])
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

  private variables(messages: readonly ChatMessage[], options: RenderOptions): Record<string, unknown> {
    const { tools, enableThinking, addGenerationPrompt = true, variables = {} } = options
    const given: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(variables)) {
      given[name] = typeof value === 'function' ? value : plainData(value, `variables.${name}`)
    }
    return {
      ...given,
      messages: templateMessages(messages),
      tools: tools === undefined || tools.length === 0 ? null : plainData(tools, 'tools'),
      add_generation_prompt: addGenerationPrompt,
      ...(enableThinking === undefined ? {} : { enable_thinking: enableThinking }),
    }
  }

  private run(variables: Record<string, unknown>, marks: TokenMarks | undefined): string {
    const environment = new Environment()
    try {
      for (const [name, value] of Object.entries({ ...this.globals(marks), ...variables })) {
        // The engine declares `namespace` in every environment and refuses to declare it again.
        if (name !== 'namespace') environment.set(name, value)
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

  private globals(marks: TokenMarks | undefined): Record<string, unknown> {
    return {
      true: true,
      false: false,
      none: null,
      True: true,
      False: false,
      None: null,
      range: (...bounds: number[]) => this.range(bounds),
      raise_exception: (message: unknown) => {
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
function* strings(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    yield key
    yield* strings(member)
  }
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
