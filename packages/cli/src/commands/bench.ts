// fak bench: speed beside what the machine could do.

import { Command } from 'commander'
import { describeCeilings, measureCeilings } from '../bench/ceilings.js'
import { type BenchPlan, type Measured, measure, type Rates } from '../bench/measure.js'
import { printProfile, type RunProfile, summarizeProfile } from '../bench/profile.js'
import { macsPerToken, weightBytesPerToken } from '../bench/traffic.js'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { MODEL_HELP } from '../model/open.js'
import { weightSummary } from '../model/opened.js'
import { bytes, count, type Output, rate, table } from '../output.js'
import { addRuntimeOptions, describeExecutor, type Runtime, type RuntimeOptions, withRuntime } from '../runtime.js'
import { StatusLine } from '../status-line.js'
import { integerFrom } from '../values.js'

interface BenchOptions extends RuntimeOptions {
  readonly model?: string
  readonly prefill: number
  readonly decode: number
  readonly depth: number
  readonly repeats: number
  readonly profile?: boolean
  readonly json?: boolean
}

const MAX_TOKENS = 1_000_000

/** Makes the command. */
export function benchCommand(context: CommandContext): Command {
  const tokens = integerFrom(0, MAX_TOKENS)
  const command = new Command('bench')
    .summary('speed, beside what the machine could do')
    .description('Measure prefill and decode, and what bounds them: how fast this machine multiplies and reads memory.')
    .option('-m, --model <model>', MODEL_HELP)
    .option('-p, --prefill <n>', 'prompt tokens of a prefill run; 0 leaves it out', tokens, 512)
    .option('-n, --decode <n>', 'tokens of a decode run; 0 leaves it out', tokens, 64)
    .option('-d, --depth <n>', 'tokens already held when a run begins', tokens, 0)
    .option('-r, --repeats <n>', 'runs of each kind', integerFrom(1, 1000), 3)
    .option('--profile', 'clock one more run of each kind: where its time goes, by op and by stage')
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

async function bench(runtime: Runtime, options: BenchOptions, { io, output }: CommandContext, signal: AbortSignal) {
  const { opened, prepared, executor, isa, threads, loadMs } = runtime
  const { contextLength, vocabularySize } = opened.model.config
  const plan: BenchPlan = options
  const most = plan.depth + Math.max(plan.prefill, plan.decode)
  if (most > contextLength)
    throw new UsageError(`${most} tokens are more than the ${contextLength} the model was made for`)
  if (plan.profile === true && prepared.profile === undefined)
    throw new UsageError(`--profile needs the native executor; the ${executor.name} executor clocks nothing`)
  const status = new StatusLine(io)
  const onRun = (name: string) => status.update(name)
  let measured: Measured
  const machine = () => measureCeilings(runtime, signal)
  try {
    measured = await measure(prepared, plan, { vocabulary: vocabularySize, signal, onRun, measureMachine: machine })
  } finally {
    status.clear()
  }
  const { prefill, decode, ceilings, peakRssBytes } = measured
  const bandwidths = ceilings.map(({ bandwidth }) => bandwidth)
  const macRates = ceilings.flatMap(({ macRate }) => macRate ?? [])
  const bytesPerToken = weightBytesPerToken(prepared.program) + measured.stateBytes
  const macs = macsPerToken(prepared.program)
  const ceiling = {
    bandwidth: Math.max(...bandwidths),
    macRate: macRates.length === 0 ? null : Math.max(...macRates),
  }
  const profileOf = (steps: Measured['steps']['decode']) => steps && summarizeProfile(prepared.program, steps, ceiling)
  const rates = ({ median, best }: Rates): Rates => ({ median, best })
  const result = {
    model: opened.name,
    executor: executor.name,
    isa,
    threads,
    chunk: prepared.maxTokens,
    kvCache: prepared.kvCache,
    depth: plan.depth,
    repeats: plan.repeats,
    loadMs,
    peakRssBytes,
    prefill: prefill && {
      tokens: plan.prefill,
      tokensPerSecond: rates(prefill),
      macsPerSecond: prefill.median * macs,
      shareOfMacRate: prefill.share(macs, ({ macRate }) => macRate),
    },
    decode: decode && {
      tokens: plan.decode,
      tokensPerSecond: rates(decode),
      bytesPerToken,
      shareOfBandwidth: decode.share(bytesPerToken, ({ bandwidth }) => bandwidth),
    },
    ...ceiling,
    bandwidths,
    notes: describeCeilings(runtime),
    ...(plan.profile === true && {
      profile: { prefill: profileOf(measured.steps.prefill), decode: profileOf(measured.steps.decode) },
    }),
  }
  return options.json === true ? output.json(result) : print(runtime, result, output)
}

type Result = {
  readonly loadMs: number
  readonly peakRssBytes: number
  readonly depth: number
  readonly prefill: {
    tokens: number
    tokensPerSecond: Rates
    macsPerSecond: number
    shareOfMacRate: number | null
  } | null
  readonly decode: {
    tokens: number
    tokensPerSecond: Rates
    bytesPerToken: number
    shareOfBandwidth: number | null
  } | null
  readonly bandwidths: readonly number[]
  readonly macRate: number | null
  readonly profile?: { readonly prefill: RunProfile | null; readonly decode: RunProfile | null }
}

async function print(
  runtime: Runtime,
  { loadMs, peakRssBytes, depth, prefill, decode, bandwidths, macRate, profile }: Result,
  output: Output,
) {
  const { dtype, parameters } = weightSummary(runtime.opened)
  await output.line(`${runtime.opened.name} (${count(parameters)} parameters, ${dtype}), ${describeExecutor(runtime)}`)
  await output.line(`ready in ${loadMs.toFixed(0)} ms, at most ${bytes(peakRssBytes)} of memory, depth ${depth}`)
  await output.line()
  const rows = [['', 'tokens', 'tok/s median', 'best', 'reached']]
  const rated = (name: string, tokens: number, { median, best }: Rates, reached: string) =>
    rows.push([name, String(tokens), rate(median), rate(best), reached])
  if (prefill !== null) {
    const reached = `${rate(prefill.macsPerSecond / 1e9)} GMAC/s`
    const share = macRate === null ? '' : `, ${(100 * prefill.shareOfMacRate!).toFixed(0)} % of ${rate(macRate / 1e9)}`
    rated('prefill', prefill.tokens, prefill.tokensPerSecond, reached + share)
  }
  if (decode !== null) {
    const reads = decode.tokensPerSecond.median * decode.bytesPerToken
    const share = `${bytes(reads)}/s, ${(100 * decode.shareOfBandwidth!).toFixed(0)} % of ${range(bandwidths)}/s`
    rated('decode', decode.tokens, decode.tokensPerSecond, share)
  }
  for (const line of table(rows)) await output.line(line)
  for (const kind of ['prefill', 'decode'] as const) {
    const clocked = profile?.[kind]
    if (clocked == null) continue
    for (const line of ['', ...printProfile(kind, clocked)]) await output.line(line)
  }
}

/** What the machine read beside the runs: one size, or the range where it moved by more than a tenth. */
function range(sizes: readonly number[]): string {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  return least > 0.9 * most ? bytes(most) : `${bytes(least)} to ${bytes(most)}`
}

const EXAMPLES = `
Examples:
  fak bench
  fak bench -m model.gguf -p 512 -n 64 -d 4096 -t 2 --json
  fak bench -m model.gguf -r 1 --profile`
