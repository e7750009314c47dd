// fak chat: talk to a model, or ask it once.

import type { ChatTool } from '@fak/chat'
import { type Grammar, toolCallGrammar } from '@fak/grammar'
import { type GenerateOptions, MAX_STOP_STRING_LENGTH } from '@fak/session'
import { FakError } from '@fak/tensor'
import { Command, InvalidArgumentError } from 'commander'
import { Conversation } from '../chat/conversation.js'
import { SPECULATE } from '../chat/drafters.js'
import { type FormFlags, readForm } from '../chat/form.js'
import { chatOnTerminal } from '../chat/interactive.js'
import { answerAsJson, answerAsText } from '../chat/one-shot.js'
import { ON_OVERFLOW, type OnOverflow } from '../chat/overflow.js'
import { readPrompt } from '../chat/prompt-input.js'
import { addSamplingOptions, samplingChoices } from '../chat/sampling-options.js'
import { readTools } from '../chat/tools-file.js'
import { type CommandContext, VERSION } from '../context.js'
import { EXIT, Interrupted, oneLine, UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { MODEL_HELP } from '../model/locate.js'
import { requireMemory } from '../model/memory-budget.js'
import { pickModel } from '../model/pick.js'
import { addRuntimeOptions, openRuntime, type Runtime, type RuntimeOptions, withRuntime } from '../runtime.js'
import { integerFrom, oneOf, repeated } from '../values.js'

interface ChatOptions extends RuntimeOptions, FormFlags {
  readonly model?: string
  readonly prompt?: string
  readonly tokens?: number
  readonly stop?: string[]
  readonly system?: string
  readonly tools?: string
  readonly toolChoice?: string
  readonly think?: boolean
  readonly reasoningBudget?: number
  readonly context?: number
  readonly onOverflow?: OnOverflow
  readonly session?: string
  readonly json?: boolean
  readonly markdown?: boolean
  readonly history?: boolean
}

const MAX_INT = Number.MAX_SAFE_INTEGER
const MAX_CONTEXT = 2 ** 24

/** Makes the command. */
export function chatCommand(context: CommandContext): Command {
  const command = new Command('chat')
    .summary('talk to a model')
    .description(
      'Talk to a model on a terminal, or answer once with -p or piped text: then the answer alone is on stdout and ' +
        'the figures are on stderr.',
    )
    .option('-m, --model <model>', MODEL_HELP)
    .option('-p, --prompt <text>', 'answer this and leave; piped text is appended to it')
    .option('-n, --tokens <n>', 'most tokens of an answer (default: what the context holds)', integerFrom(1, MAX_INT))
    .option('--system <text>', 'system message')
    .optionsGroup('Tools and form of the answer:')
    .option('--tools <file>', 'functions that the model may call: a JSON list, as the OpenAI API has them')
    .option(
      '--tool-choice <name>',
      'auto; required: the answer is a call that fits its schema; or the name of the one to call',
    )
    .optionsGroup('Thinking:')
    .option('--think', 'let the model think first')
    .option('--no-think', 'answer without thinking')
    .option(
      '--reasoning-budget <n>',
      'let the model think, for at most n tokens; 0 is --no-think',
      integerFrom(0, MAX_INT),
    )
    .optionsGroup('Tools and form of the answer:')
    .option('--schema <file>', 'answer in JSON that fits the JSON schema in this file')
    .option('--choices <a,b>', 'answer with one of these texts', (text) =>
      text.split(',').map((choice) => choice.trim()),
    )
    .option('--regex <pattern>', 'answer with a text that this regular expression matches as a whole')
    .option('--stop <text>', 'end the answer before this text; may be repeated', repeated(stopString))
    .optionsGroup('Conversation:')
    .option(
      '--context <n>',
      'most tokens of the conversation (default: what the model was made for)',
      integerFrom(1, MAX_CONTEXT),
    )
    .option(
      '--on-overflow <how>',
      'when a prompt is longer than the context: error, the default; drop-turns leaves out the oldest turns and says how many',
      oneOf(ON_OVERFLOW),
    )
    .option(
      '--session <file>',
      'keep the conversation in this file: go on with it if it is there, save it after every answer',
    )
    .option(
      '--speculate <how>',
      'guess tokens and check several at once, which never changes the answer: mtp with the draft head of the model, ngram by looking back in the text; auto: mtp where there is a head, else ngram; off, the default',
      oneOf(SPECULATE),
    )
    .option('--no-markdown', 'show answers as they are written; in a pipe they always are')
    .option('--no-history', 'neither bring back messages of earlier runs nor keep those of this one')
    .option('--json', 'print events, one JSON object per line; the last has type "done"')
  return addRuntimeOptions(addSamplingOptions(command))
    .addHelpText('after', EXAMPLES)
    .action(async (options: ChatOptions) => {
      refuseTogether(options)
      await chat(options, context)
    })
}

async function chat(options: ChatOptions, context: CommandContext): Promise<void> {
  const { io, output } = context
  const prompt = await interruptible(io, output.closed, (signal) =>
    unlessAborted(signal, readPrompt(options.prompt, io, output)),
  )
  if (prompt !== null) {
    const answer = options.json === true ? answerAsJson : answerAsText
    return interruptible(io, output.closed, (signal) =>
      withConversation(options, context, signal, (runtime, conversation) =>
        answer(prompt, { io, output, runtime, conversation, signal, markdown: options.markdown !== false }),
      ),
    )
  }
  if (options.json === true) throw new UsageError('--json needs -p TEXT or piped text')
  const talk = (runtime: Runtime, conversation: Conversation) =>
    chatOnTerminal({
      ...{ io, output, version: VERSION, talk: { runtime, conversation } },
      reopen: (reference, before) => goOnWith(reference, before, options, { ...context, signal: output.closed }),
      history: options.history !== false,
      markdown: options.markdown !== false,
    })
  const model = options.model ?? (await pickModel(options, context))
  const named = model === undefined ? options : { ...options, model }
  const exitCode = await withConversation(named, context, output.closed, talk, true)
  if (exitCode !== EXIT.done) throw new Interrupted(exitCode)
}

/** Opens another model and goes on with a conversation there. */
async function goOnWith(
  reference: string,
  { settings: before, messages }: Conversation,
  options: ChatOptions,
  on: CommandContext & { readonly signal: AbortSignal },
) {
  const runtime = await openRuntime(reference, options, on)
  try {
    const conversation = await Conversation.start(runtime, { ...before, ...contextOf(options, runtime) }, messages)
    const close = async () => {
      await conversation.dispose()
      await runtime.dispose()
    }
    return { runtime, conversation, close }
  } catch (error) {
    await runtime.dispose()
    throw error
  }
}

/** Opens the model and starts a conversation for the time of `talk`. */
async function withConversation<T>(
  options: ChatOptions,
  context: CommandContext,
  signal: AbortSignal,
  talk: (runtime: Runtime, conversation: Conversation) => Promise<T>,
  onTerminal = false,
): Promise<T> {
  const tools = options.tools === undefined ? undefined : await readTools(options.tools)
  const form = tools === undefined ? await readForm(options) : callForm(tools, options)
  return withRuntime(options.model, options, { ...context, signal }, async (runtime) => {
    const conversation = await Conversation.start(runtime, {
      ...settings(options, runtime, onTerminal),
      ...(tools && { tools }),
      ...(form && { form }),
    })
    if (conversation.recomputed !== null) {
      context.output.note(`fak: everything said before is computed again: ${oneLine(conversation.recomputed.message)}`)
    }
    try {
      return await talk(runtime, conversation)
    } finally {
      await conversation.dispose()
    }
  })
}

/** The context on a model. @throws UsageError, FakError when it can never fit into memory */
function contextOf({ context }: ChatOptions, { opened, prepared }: Runtime) {
  const trained = opened.model.config.contextLength
  const contextLength = context ?? trained
  if (contextLength > trained) {
    throw new UsageError(`--context ${contextLength} is more than the ${trained} tokens that the model was made for`)
  }
  if (context !== undefined) requireMemory(prepared.stateArrays, context)
  return { contextLength, trained }
}

function settings(options: ChatOptions, runtime: Runtime, onTerminal: boolean) {
  const generate: GenerateOptions = {
    ...samplingChoices(options),
    ...(options.tokens !== undefined && { maxTokens: options.tokens }),
    ...(options.stop !== undefined && { stop: options.stop }),
  }
  return {
    ...contextOf(options, runtime),
    onOverflow: options.onOverflow ?? 'error',
    generate,
    ...(options.session !== undefined && { file: options.session }),
    savable: onTerminal,
    ...(options.system !== undefined && { system: options.system }),
    ...thinking(options),
  }
}

/** A budget asks for thinking, or for none. */
function thinking({ think, reasoningBudget }: ChatOptions): { thinking?: boolean; reasoningBudget?: number } {
  if (reasoningBudget === undefined) return think === undefined ? {} : { thinking: think }
  if (reasoningBudget === 0) return { thinking: false }
  return { thinking: true, reasoningBudget }
}

/** The form of an answer that must be a call. */
function callForm(tools: readonly ChatTool[], { toolChoice = 'auto', tools: file }: ChatOptions): Grammar | undefined {
  if (toolChoice === 'auto') return undefined
  try {
    return toolCallGrammar(tools, toolChoice === 'required' ? {} : { tool: toolChoice })
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    if (error.code === 'GRAMMAR_BAD_TOOL') throw new UsageError(`--tool-choice ${toolChoice}: ${error.reason}`)
    const { code, reason, field } = error
    throw new FakError(code, { file: file!, reason, field, cause: error })
  }
}

function refuseTogether(options: ChatOptions): void {
  const { think, reasoningBudget, tools, toolChoice, stop } = options
  if (toolChoice !== undefined && tools === undefined) throw new UsageError('--tool-choice needs --tools')
  if (toolChoice !== undefined && toolChoice !== 'auto' && stop !== undefined) {
    throw new UsageError('--tool-choice and --stop exclude each other')
  }
  if (reasoningBudget !== undefined && think === reasoningBudget < 1) {
    throw new UsageError(
      `--reasoning-budget ${reasoningBudget} and ${think ? '--think' : '--no-think'} exclude each other`,
    )
  }
  const form = (['schema', 'choices', 'regex'] as const).find((name) => options[name] !== undefined)
  if (form === undefined) return
  // A call, or an end before a text, would be no answer of that form.
  if (tools !== undefined) throw new UsageError(`--${form} and --tools exclude each other`)
  if (stop !== undefined) throw new UsageError(`--${form} and --stop exclude each other`)
}

function stopString(text: string): string {
  if (text.length < 1 || text.length > MAX_STOP_STRING_LENGTH) {
    throw new InvalidArgumentError(`Allowed: 1 to ${MAX_STOP_STRING_LENGTH} characters.`)
  }
  return text
}

/** The result of reading that cannot be told to stop, or the signal's reason when that comes first. */
function unlessAborted<T>(signal: AbortSignal, reading: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    reading.then(resolve, reject)
  })
}

const EXAMPLES = `
Examples:
  fak chat                                          the demo model, on a terminal
  fak chat -m Qwen3.5-0.8B-Q4_K_M.gguf --temp 0.7
  fak chat -p "What is 2 plus 3?"                   one answer
  cat notes.txt | fak chat -m model.gguf -p "Summarize this text."
  fak chat -m model.gguf --tools tools.json -p "Weather in Paris?" --json | jq 'select(.type == "tool-call")'
  fak chat -m model.gguf --reasoning-budget 200 --schema person.json -p "Who was Ada Lovelace?" | jq .born
  fak chat -p "Is the sky green?" --choices yes,no
  fak chat --session talk.fak -p "My name is Ada."  go on with it: fak chat --session talk.fak -p "Who am I?"
  fak chat -p "Hello" --json | jq -r 'select(.type == "text").text'

Without --temp and its like, sampling follows the model's card; the demo model is greedy.
Order of sampling: schema, choices or regex, bias, repeat penalty, presence and frequency penalty, DRY, temperature, top-k,
typical-p, top-p, min-p, draw.`
