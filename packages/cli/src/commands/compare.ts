// fak compare: the first op that drifts between two executors, two files of one model, or a run and what another program wrote down.

import { DEFAULT_KV_CACHE, KV_CACHE_TYPES, type KvCacheType } from '@fak/graph'
import { type Comparison, compare } from '@fak/graph/compare'
import { valueHeadColumns } from '@fak/model-qwen35'
import { Command } from 'commander'
import { compareWithFile } from '../compare/against.js'
import { beyond, byKind, printComparison, printLayers, printTaps } from '../compare/report.js'
import { bestSpec, type ExecutorSpec, executorSpec, type Side, sideOf } from '../compare/sides.js'
import { checkTaps, summarize, type TapRequest, type TapSummary, tapRequest } from '../compare/taps.js'
import type { CommandContext } from '../context.js'
import { Unwell, UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { addModelOptions, locateModel, MODEL_HELP, type ModelOptions } from '../model/locate.js'
import { openModel } from '../model/open.js'
import type { OpenedModel } from '../model/opened.js'
import { describeExecutor } from '../runtime.js'
import { StatusLine } from '../status-line.js'
import { idList, integerFrom, MAX_THREADS, numberFrom, oneOf, repeated } from '../values.js'

interface CompareCommandOptions extends ModelOptions {
  readonly model?: string
  readonly with?: string
  readonly ids?: number[]
  readonly text?: string
  readonly a?: ExecutorSpec
  readonly b?: ExecutorSpec
  readonly threads?: number
  readonly kvCache?: KvCacheType
  readonly chunk: number
  readonly tolerance?: number
  readonly accumulated?: number
  readonly against?: string
  readonly all?: boolean
  readonly tap?: TapRequest[]
  readonly json?: boolean
}

/** Tokens of one step unless `--chunk` says otherwise. */
const DEFAULT_CHUNK = 64
const DEFAULT_TEXT = 'The capital of France is'

/** Makes the command. */
export function compareCommand(context: CommandContext): Command {
  const command = new Command('compare')
    .summary('find the op that drifts')
    .description(
      'Run tokens on two executors and name the first op that drifts by its own error: what side b makes of the values that it was ' +
        'really given, beside what side a makes of the same ones.',
    )
    .option('-m, --model <model>', MODEL_HELP)
    .option('--with <model>', 'another file of the same model, for side b')
    .option('--ids <list>', 'token ids with commas between them', idList)
    .option('--text <text>', `text to run; control tokens in it count as such (default: ${DEFAULT_TEXT})`)
    .option(
      '--a <executor>',
      'side to trust: reference, native, or native:ISA (default: reference; with --with, as b)',
      executorSpec,
    )
    .option(
      '--b <executor>',
      'side to judge (default: native; with --with or --against, reference where it is not built)',
      executorSpec,
    )
    .option('--threads <n>', 'threads of the native executor (env FAK_THREADS)', integerFrom(1, MAX_THREADS))
    .option(
      '--kv-cache <type>',
      `how both sides keep keys and values: ${KV_CACHE_TYPES.join(', ')} (default ${DEFAULT_KV_CACHE})`,
      oneOf(KV_CACHE_TYPES),
    )
    .option('--chunk <n>', 'tokens per step; 1 decodes', integerFrom(1, 65_536), DEFAULT_CHUNK)
    .option(
      '--tolerance <x>',
      'largest own error that is no drift; 0 demands the same bits (default: by op and type)',
      numberFrom(0, 1e9),
    )
    .option('--accumulated <x>', 'largest accumulated error (default: any)', numberFrom(0, 1e9))
    .option('--against <file>', 'compare what leaves the layers of side b with f32 values that another program wrote')
    .option('--all', 'compare every op and print them all')
    .option('--tap <label[=file]>', "show a value, and write side b's as f32; may be repeated", repeated(tapRequest))
    .option('--json', 'print one JSON object')
  return addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: CompareCommandOptions) => {
      check(options)
      const { io, output } = context
      const well = await interruptible(io, output.closed, (signal) => run(options, context, signal))
      if (!well) throw new Unwell()
    })
}

function check({ ids, text, against, a, with: other, all, accumulated, tap }: CompareCommandOptions): void {
  if (ids !== undefined && text !== undefined) throw new UsageError('give --ids or --text, not both')
  if (tap?.some(({ label, file }) => label === '' || file === ''))
    throw new UsageError('--tap needs LABEL or LABEL=FILE')
  if (against === undefined) return
  const clash = Object.entries({ a, with: other, all, accumulated }).find(([, value]) => value !== undefined)
  if (clash) throw new UsageError(`--${clash[0]} has no meaning with --against, which runs side b alone`)
}

/** @returns whether all is well */
async function run(options: CompareCommandOptions, context: CommandContext, signal: AbortSignal): Promise<boolean> {
  const locate = (reference: string | undefined) => locateModel(reference, options, { ...context, signal })
  const first = await openModel(await locate(options.model))
  try {
    const second = options.with === undefined ? first : await openModel(await locate(options.with))
    try {
      return await runOpened(options, { first, second }, context, signal)
    } finally {
      if (second !== first) await second.close()
    }
  } finally {
    await first.close()
  }
}

async function runOpened(
  options: CompareCommandOptions,
  { first, second }: { first: OpenedModel; second: OpenedModel },
  context: CommandContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { io, output } = context
  const ids = options.ids ?? [...(await first.tokenizer()).encode(options.text ?? DEFAULT_TEXT, { special: 'all' })]
  const { contextLength } = first.model.config
  if (ids.length === 0) throw new UsageError('the text has no tokens')
  if (ids.length > contextLength) {
    throw new UsageError(`${ids.length} tokens are more than the ${contextLength} the model was made for`)
  }
  const steps = cut(ids, options.chunk)
  const taps = options.tap ?? []
  const twoFiles = second !== first
  const b = sideOf(
    options.b ?? (twoFiles || options.against ? bestSpec() : { executor: 'native' }),
    second,
    options,
    context,
  )
  checkTaps(b, taps)
  const kvCache = options.kvCache ?? DEFAULT_KV_CACHE
  const common = { ids, chunk: options.chunk, kvCache, b: { model: second.name, executor: describeExecutor(b) } }

  if (options.against !== undefined) {
    const layers = await compareWithFile(options.against, b, steps, { tolerance: options.tolerance, signal })
    const shown = await summarize('b', b, steps, taps, signal)
    const drift = layers.find(beyond)
    if (options.json === true) await output.json({ ...common, against: options.against, drift, layers, taps: shown })
    else {
      output.note(`${common.b.model}: ${common.b.executor}, against ${options.against}, ${ids.length} tokens`)
      await printLayers(layers, output)
      if (shown.length > 0) await printTaps(shown, output)
    }
    return drift === undefined
  }

  const a = sideOf(
    options.a ?? (twoFiles ? (options.b ?? bestSpec()) : { executor: 'reference' }),
    first,
    options,
    context,
  )
  checkTaps(a, taps)
  const status = new StatusLine(io)
  let found: Comparison
  const shown: TapSummary[] = []
  try {
    const sameBits = !twoFiles && a.executor.name === 'native' && b.executor.name === 'native'
    const tolerance = options.tolerance ?? (sameBits ? 0 : undefined)
    found = await compare(a.program, a, b, {
      tokens: steps,
      all: options.all === true,
      columnOrder: valueHeadColumns(first.model.config, second.model.config),
      signal,
      onProgress: (done, total, running) => status.update(`comparing, ${running}`, done, total),
      ...(tolerance !== undefined && { tolerance }),
      ...(options.accumulated !== undefined && { accumulated: options.accumulated }),
    })
    status.update('reading values')
    if (taps.length > 0) {
      shown.push(...(await summarize('a', a, steps, taps, signal)), ...(await summarize('b', b, steps, taps, signal)))
    }
  } finally {
    status.clear()
  }
  const { ops, ...findings } = found
  const all = options.all === true
  if (options.json === true) {
    const sideA = { model: first.name, executor: describeExecutor(a) }
    await output.json({ ...common, a: sideA, ...findings, kinds: byKind(ops), ...(all && { ops }), taps: shown })
  } else {
    const name = (side: Side) => (twoFiles ? `${side.opened.name}, ` : '') + describeExecutor(side)
    output.note(`${twoFiles ? '' : `${first.name}: `}${name(a)} (a), and ${name(b)} (b), ${ids.length} tokens`)
    await printComparison(found, all, output)
    if (shown.length > 0) await printTaps(shown, output)
  }
  return found.drift === undefined && found.grown === undefined && found.nonFinite === undefined
}

const cut = (ids: readonly number[], chunk: number): Uint32Array[] =>
  Array.from({ length: Math.ceil(ids.length / chunk) }, (_, i) =>
    Uint32Array.from(ids.slice(i * chunk, (i + 1) * chunk)),
  )

const EXAMPLES = `
Examples:
  fak compare                                           the demo model, native kernels against the reference
  fak compare -m model.gguf --ids 1,2,3 --all           every op, with its own error and what has piled up
  fak compare -m model.gguf --a native:scalar --b native:avx512
  fak compare -m model.safetensors-dir --with model.gguf
  fak compare -m dir --ids 1,2,3 --against hidden.f32   what leaves the layers, by HF transformers
  fak compare --tap layers.3 --tap layers.0.linear_attn.gated_delta=delta.f32

Exit codes: 0 no drift, 1 an op drifts or gives a value that is not finite, 2 wrong usage, 130 interrupted.
Default tolerances: 2e-5 of a row's largest number where all is float, 0.1 and 0.2 for matrices in blocks of 32 and 256, whose
kernels round activations to 8 bits; the same bits for two native executors.`
