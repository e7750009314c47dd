// The measurements of fak bench: prefill and decode apart, each several times, at one or several depths.

import type { PreparedProgram, StepProfile } from '@fak/graph'
import { createSession, type KeptState, StateCache } from '@fak/session'
import type { Ceilings } from './ceilings.js'

/** Tokens that bring weights and code in before the first run. */
const WARM_UP_TOKENS = 8

/** What to measure. */
export interface BenchPlan {
  readonly prefill: number
  readonly decode: number
  /** For each: tokens held before either begins. */
  readonly depths: readonly number[]
  readonly repeats: number
  /** Whether one more run of each kind is clocked step by step. */
  readonly profile?: boolean
}

/** Rates of several runs, in tokens per second. */
export interface Rates {
  readonly median: number
  readonly best: number
  readonly worst: number
}

/** Runs of one kind. */
export interface Runs extends Rates {
  /** Tokens per second of each run over what the machine could do at that moment (the median of all runs). `perToken` is
   * what a token takes of it; `null` where the ceiling is not known. */
  share(perToken: number, ceiling: (ceilings: Ceilings) => number | null): number | null
}

/** What was measured at one depth. `null` where nothing was asked for. */
export interface MeasuredDepth {
  readonly depth: number
  readonly prefill: Runs | null
  readonly decode: Runs | null
  /** Steps of the runs that were clocked. */
  readonly steps: Readonly<Record<Kind, readonly StepProfile[] | null>>
}

/** What was measured. */
export interface Measured {
  /** In the order of the plan. */
  readonly depths: readonly MeasuredDepth[]
  /** Most memory of the process once everything had run once, before the machine was measured, which takes memory of its own. */
  readonly peakRssBytes: number
  /** What the machine could do, before and after each run but the first ones. */
  readonly ceilings: readonly Ceilings[]
}

/** A run: its speed, and what the machine could do beside it. */
interface Run {
  readonly tokensPerSecond: number
  /** Index of the measurement of the machine that came after it. */
  readonly after: number
}

/** Reading a prompt, or writing one token after the other. */
export type Kind = 'prefill' | 'decode'

/** What a measurement works with beside its plan. */
export interface BenchContext {
  readonly vocabulary: number
  readonly signal: AbortSignal
  /** Hears what begins, and how much of everything is done. */
  readonly onProgress: (what: string, done: number, total: number) => void
  /** Called between runs. */
  readonly measureMachine: () => Promise<Ceilings>
}

/** Keeps the first state it is given and no other: that of the depth, where every run begins. */
class DepthCache extends StateCache {
  override async keep(kept: KeptState): Promise<void> {
    if (this.size > 0) return kept.state.dispose()
    return super.keep(kept)
  }
}

/** Runs at one depth, each from the same state on, which is computed once. */
class Lane {
  readonly depth: number
  readonly #plan: BenchPlan
  readonly #signal: AbortSignal
  readonly #prepared: PreparedProgram
  readonly #cache: StateCache
  readonly #session: ReturnType<typeof createSession>
  readonly #ids: readonly number[]

  constructor(prepared: PreparedProgram, plan: BenchPlan, depth: number, { vocabulary, signal }: BenchContext) {
    const { prefill, decode } = plan
    this.depth = depth
    this.#plan = plan
    this.#signal = signal
    this.#prepared = prepared
    // Every run computes its tokens: with kept states the second one would only come back to the first one's.
    this.#cache =
      depth === 0
        ? new StateCache(prepared, { maxBytes: 0 })
        : new DepthCache(prepared, { maxBytes: Number.MAX_SAFE_INTEGER })
    this.#session = createSession(prepared, { contextLength: depth + prefill + decode + 1, cache: this.#cache })
    this.#ids = spread(depth + Math.max(prefill, decode + 1), vocabulary)
  }

  /** Brings weights and code in, and computes the depth. */
  async warmUp(onProgress: (done: number, total: number) => void): Promise<void> {
    const ids = this.#ids.slice(0, this.depth > 0 ? this.depth : WARM_UP_TOKENS)
    await this.#session.sync(ids, { signal: this.#signal, onProgress })
  }

  /** Tokens per second of one run. */
  async run(kind: Kind): Promise<number> {
    await this.#goToDepth()
    const start = performance.now()
    await this.#work(kind)
    return (this.#plan[kind] * 1000) / (performance.now() - start)
  }

  /** Steps of one run, clocked. */
  async clocked(kind: Kind): Promise<StepProfile[]> {
    await this.#goToDepth()
    const steps: StepProfile[] = []
    const stop = this.#prepared.profile!((step) => steps.push(step))
    try {
      await this.#work(kind)
    } finally {
      stop()
    }
    return steps
  }

  async dispose(): Promise<void> {
    await this.#session.dispose()
    await this.#cache.clear()
  }

  async #goToDepth(): Promise<void> {
    this.#session.reset()
    if (this.depth > 0) await this.#session.sync(this.#ids.slice(0, this.depth), { signal: this.#signal })
  }

  async #work(kind: Kind): Promise<void> {
    const { depth } = this
    const signal = this.#signal
    if (kind === 'prefill') await this.#session.sync(this.#ids.slice(0, depth + this.#plan.prefill), { signal })
    else for (let i = 0; i < this.#plan.decode; i++) await this.#session.step(this.#ids[depth + i]!, { signal })
  }
}

/** Runs the plan, whose profile takes an executor that has one. Runs of all depths alternate. */
export async function measure(prepared: PreparedProgram, plan: BenchPlan, context: BenchContext): Promise<Measured> {
  const { repeats } = plan
  const { onProgress, measureMachine } = context
  const kinds = (['prefill', 'decode'] as const).filter((kind) => plan[kind] > 0)
  const ceilings: Ceilings[] = []
  let peakRssBytes = 0
  const total = plan.depths.length * (1 + kinds.length * (repeats + (plan.profile === true ? 1 : 0)))
  let done = 0
  const begin = (what: string, depth: number) => onProgress(depth === 0 ? what : `${what} at ${depth}`, done++, total)
  const probe = async () => {
    if (ceilings.length === 0) peakRssBytes = process.resourceUsage().maxRSS * 1024
    onProgress('measuring the machine', done, total)
    ceilings.push(await measureMachine())
  }
  const lanes = plan.depths.map((depth) => ({
    lane: new Lane(prepared, plan, depth, context),
    runs: { prefill: [] as Run[], decode: [] as Run[] },
    steps: { prefill: null, decode: null } as Record<Kind, StepProfile[] | null>,
  }))
  try {
    for (const { lane } of lanes) {
      const what = lane.depth === 0 ? 'warming up' : `filling ${lane.depth} tokens`
      onProgress(what, done, total)
      await lane.warmUp((tokens, all) => onProgress(what, done + tokens / all, total))
      done++
    }
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const { lane, runs } of lanes) {
        for (const kind of kinds) {
          if (repeat > 0) await probe()
          begin(`${kind} ${repeat + 1} of ${repeats}`, lane.depth)
          const tokensPerSecond = await lane.run(kind)
          runs[kind].push({ tokensPerSecond, after: ceilings.length })
        }
      }
    }
    for (const { lane, steps } of plan.profile === true ? lanes : []) {
      for (const kind of kinds) {
        begin(`${kind}, clocked`, lane.depth)
        steps[kind] = await lane.clocked(kind)
      }
    }
    await probe()
  } finally {
    for (const { lane } of lanes) await lane.dispose()
  }
  const depths = lanes.map(({ lane, runs, steps }) => ({
    depth: lane.depth,
    prefill: summarize(runs.prefill, ceilings),
    decode: summarize(runs.decode, ceilings),
    steps,
  }))
  return { depths, peakRssBytes, ceilings }
}

function summarize(runs: readonly Run[], ceilings: readonly Ceilings[]): Runs | null {
  if (runs.length === 0) return null
  const rates = runs.map(({ tokensPerSecond }) => tokensPerSecond)
  return {
    median: median(rates),
    best: Math.max(...rates),
    worst: Math.min(...rates),
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
