// The measurements of fak bench: prefill and decode apart, each several times, at a depth.

import type { PreparedProgram, StepProfile } from '@fak/graph'
import { createSession, type KeptState, StateCache } from '@fak/session'
import type { Ceilings } from './ceilings.js'

/** Tokens that bring weights and code in before the first run. */
const WARM_UP_TOKENS = 8

/** What to measure. */
export interface BenchPlan {
  readonly prefill: number
  readonly decode: number
  /** Tokens held before either begins. */
  readonly depth: number
  readonly repeats: number
  /** Whether one more run of each kind is clocked step by step. */
  readonly profile?: boolean
}

/** Rates of several runs, in tokens per second. */
export interface Rates {
  readonly median: number
  readonly best: number
}

/** Runs of one kind. */
export interface Runs extends Rates {
  /** Tokens per second of each run over what the machine could do at that moment (the median of all runs). `perToken` is
   * what a token takes of it; `null` where the ceiling is not known. */
  share(perToken: number, ceiling: (ceilings: Ceilings) => number | null): number | null
}

/** What was measured. `null` where nothing was asked for. */
export interface Measured {
  readonly prefill: Runs | null
  readonly decode: Runs | null
  /** State held at the end of a decode run. */
  readonly stateBytes: number
  /** Most memory of the process once everything had run once, before the machine was measured, which takes memory of its own. */
  readonly peakRssBytes: number
  /** What the machine could do, before and after each run but the first ones. */
  readonly ceilings: readonly Ceilings[]
  /** Steps of the runs that were clocked; `null` where nothing was asked for. */
  readonly steps: { readonly prefill: readonly StepProfile[] | null; readonly decode: readonly StepProfile[] | null }
}

/** A run: its speed, and what the machine could do beside it. */
interface Run {
  readonly tokensPerSecond: number
  /** Index of the measurement of the machine that came after it. */
  readonly after: number
}

type Kind = 'prefill' | 'decode'

/** Keeps the first state it is given and no other: that of the depth, where every run begins. */
class DepthCache extends StateCache {
  override async keep(kept: KeptState): Promise<void> {
    if (this.size > 0) return kept.state.dispose()
    return super.keep(kept)
  }
}

/** Runs the plan, whose profile takes an executor that has one. `onRun` hears of each run that begins, `measureMachine` is called between runs. */
export async function measure(
  prepared: PreparedProgram,
  plan: BenchPlan,
  {
    vocabulary,
    signal,
    onRun,
    measureMachine,
  }: {
    vocabulary: number
    signal: AbortSignal
    onRun: (name: string) => void
    measureMachine: () => Promise<Ceilings>
  },
): Promise<Measured> {
  const { prefill, decode, depth, repeats } = plan
  // Every run computes its tokens: with kept states the second one would only come back to the first one's. The depth is computed once.
  const cache =
    depth === 0
      ? new StateCache(prepared, { maxBytes: 0 })
      : new DepthCache(prepared, { maxBytes: Number.MAX_SAFE_INTEGER })
  const session = createSession(prepared, { contextLength: depth + prefill + decode + 1, cache })
  const ids = spread(depth + Math.max(prefill, decode + 1), vocabulary)
  const runs = { prefill: [] as Run[], decode: [] as Run[] }
  const steps: Record<Kind, StepProfile[] | null> = { prefill: null, decode: null }
  const kinds = (['prefill', 'decode'] as const).filter((kind) => plan[kind] > 0)
  const ceilings: Ceilings[] = []
  let stateBytes = 0
  let peakRssBytes = 0
  const work = {
    prefill: () => session.sync(ids.slice(0, depth + prefill), { signal }),
    decode: async () => {
      for (let i = 0; i < decode; i++) await session.step(ids[depth + i]!, { signal })
    },
  }
  const goToDepth = async () => {
    session.reset()
    if (depth > 0) await session.sync(ids.slice(0, depth), { signal })
  }
  const run = async (kind: Kind, repeat: number) => {
    if (repeat > 0) await probe()
    onRun(`${kind} ${repeat + 1} of ${repeats}`)
    await goToDepth()
    runs[kind].push({ tokensPerSecond: await perSecond(plan[kind], work[kind]), after: ceilings.length })
    if (kind === 'decode') stateBytes = session.byteLength
  }
  const clocked = async (kind: Kind): Promise<StepProfile[]> => {
    onRun(`${kind}, clocked`)
    await goToDepth()
    const steps: StepProfile[] = []
    const stop = prepared.profile!((step) => steps.push(step))
    try {
      await work[kind]()
    } finally {
      stop()
    }
    return steps
  }
  const probe = async () => {
    if (ceilings.length === 0) peakRssBytes = process.resourceUsage().maxRSS * 1024
    onRun('measuring the machine')
    ceilings.push(await measureMachine())
  }
  try {
    onRun('warming up')
    await session.sync(ids.slice(0, depth > 0 ? depth : WARM_UP_TOKENS), { signal })
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const kind of kinds) await run(kind, repeat)
    }
    for (const kind of plan.profile === true ? kinds : []) steps[kind] = await clocked(kind)
    await probe()
  } finally {
    await session.dispose()
    await cache.clear()
  }
  return {
    prefill: summarize(runs.prefill, ceilings),
    decode: summarize(runs.decode, ceilings),
    stateBytes,
    peakRssBytes,
    ceilings,
    steps,
  }
}

async function perSecond(tokens: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (tokens * 1000) / (performance.now() - start)
}

function summarize(runs: readonly Run[], ceilings: readonly Ceilings[]): Runs | null {
  if (runs.length === 0) return null
  const rates = runs.map(({ tokensPerSecond }) => tokensPerSecond)
  return {
    median: median(rates),
    best: Math.max(...rates),
    share(perToken, ceiling) {
      // The better of the two moments around a run, so that no share is flattered by a neighbour who came and went.
      const shares = runs.map(({ tokensPerSecond, after }) => {
        const around = ceilings.slice(Math.max(after - 1, 0), after + 1).map(ceiling)
        return around.includes(null) ? null : (tokensPerSecond * perToken) / Math.max(...(around as number[]))
      })
      return shares.includes(null) ? null : median(shares as number[])
    },
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
}

/** Token ids that visit the whole vocabulary in no particular order, the same every time. */
function spread(count: number, vocabulary: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 7919 + 13) % vocabulary)
}
