// fak bench: speed beside what the machine could do.

import { cpus } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { measureCeilings } from '../bench/ceilings.js'
import { compareResults, printBenchComparison, readResult, requireSameSettings } from '../bench/earlier.js'
import { type BenchPlan, measure } from '../bench/measure.js'
import { printResult } from '../bench/print.js'
import { benchResult, type Setting } from '../bench/result.js'
import { type CommandContext, VERSION } from '../context.js'
import { UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { MODEL_HELP } from '../model/locate.js'
import { weightSummary } from '../model/opened.js'
import { bytes, count } from '../output.js'
import { addRuntimeOptions, describeExecutor, type Runtime, type RuntimeOptions, withRuntime } from '../runtime.js'
import { StatusLine } from '../status-line.js'
import { integerFrom } from '../values.js'

interface BenchOptions extends RuntimeOptions {
  readonly model?: string
  readonly prefill: number
  readonly decode: number
  readonly depth: readonly number[]
  readonly repeats: number
  readonly profile?: boolean
  readonly compare?: string
  readonly json?: boolean
}

const MAX_TOKENS = 1_000_000
/** Each depth holds two states at once. */
const MAX_DEPTHS = 16

/** Makes the command. */
export function benchCommand(context: CommandContext): Command {
  const tokens = integerFrom(0, MAX_TOKENS)
  const command = new Command('bench')
    .summary('speed, beside what the machine could do')
    .description('Measure prefill and decode, and what bounds them: how fast this machine multiplies and reads memory.')
    .option('-m, --model <model>', MODEL_HELP)
    .option('-p, --prefill <n>', 'prompt tokens of a prefill run; 0 leaves it out', tokens, 512)
    .option('-n, --decode <n>', 'tokens of a decode run; 0 leaves it out', tokens, 64)
    .option('-d, --depth <n,...>', 'tokens already held when a run begins; several depths as 0,4096', depthList, [0])
    .option('-r, --repeats <n>', 'runs of each kind', integerFrom(1, 1000), 3)
    .option('--profile', 'clock one more run of each kind: where its time goes, by op and by stage')
    .option('--compare <file>', 'ratios to an earlier run with the same model and settings, from its --json')
    .option('--json', 'print one JSON object')
  return addRuntimeOptions(command, '-t, --threads <n>')
    .addHelpText('after', EXAMPLES)
    .action(async (options: BenchOptions) => {
      const { io, output } = context
      await interruptible(io, output.closed, (signal) =>
        withRuntime(options.model, options, { ...context, signal }, (runtime) =>
          bench(runtime, options, context, signal),
        ),
      )
    })
}

/** A parser for lists of different depths. */
function depthList(text: string): number[] {
  const depths = text.split(',').map(integerFrom(0, MAX_TOKENS))
  if (depths.length > MAX_DEPTHS || new Set(depths).size < depths.length) {
    throw new InvalidArgumentError(`Allowed: up to ${MAX_DEPTHS} different depths with commas between them.`)
  }
  return depths
}

async function bench(runtime: Runtime, options: BenchOptions, { io, output }: CommandContext, signal: AbortSignal) {
  const { opened, prepared, executor } = runtime
  const { contextLength, vocabularySize } = opened.model.config
  const { prefill, decode, depth: depths, repeats, profile } = options
  const plan: BenchPlan = { prefill, decode, depths, repeats, ...(profile !== undefined && { profile }) }
  const most = Math.max(...depths) + Math.max(prefill, decode)
  if (most > contextLength)
    throw new UsageError(`${most} tokens are more than the ${contextLength} the model was made for`)
  if (profile === true && prepared.profile === undefined)
    throw new UsageError(`--profile needs the native executor; the ${executor.name} executor clocks nothing`)
  const weights = weightSummary(opened)
  const setting: Setting = {
    fak: VERSION,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    model: opened.name,
    modelBytes: weights.bytes,
    executor: executor.name,
    isa: runtime.isa,
    threads: runtime.threads,
    chunk: prepared.maxTokens,
    kvCache: prepared.kvCache ?? null,
    repeats,
  }
  // Before minutes of measuring.
  const earlier = options.compare === undefined ? undefined : await readResult(options.compare)
  if (earlier !== undefined) requireSameSettings(options.compare!, earlier, setting, plan)
  const status = new StatusLine(io)
  try {
    const measured = await measure(prepared, plan, {
      vocabulary: vocabularySize,
      signal,
      onProgress: (what, done, total) => status.update(what, done, total),
      measureMachine: () => measureCeilings(runtime, signal),
    })
    status.clear()
    const result = benchResult(setting, runtime, plan, measured)
    const comparison = earlier && compareResults(options.compare!, earlier, result)
    if (options.json === true) return await output.json({ ...result, ...(comparison && { comparison }) })
    await output.line(
      `${opened.name} (${count(weights.parameters)} parameters, ${weights.dtype}), ${describeExecutor(runtime)}`,
    )
    await output.line(`ready in ${result.loadMs.toFixed(0)} ms, at most ${bytes(result.peakRssBytes)} of memory`)
    for (const line of printResult(result)) await output.line(line)
    for (const line of comparison ? ['', ...printBenchComparison(comparison)] : []) await output.line(line)
  } finally {
    status.clear()
  }
}

const EXAMPLES = `
Examples:
  fak bench
  fak bench -m model.gguf -p 512 -n 64 -d 0,4096 -t 2
  fak bench -m model.gguf --json > before.json
  fak bench -m model.gguf --compare before.json
  fak bench -m model.gguf -r 1 --profile`
