// What fak bench found, in the form that --json prints.

import type { PreparedProgram } from '@fak/graph'
import type { Runtime } from '../runtime.js'
import { describeCeilings } from './ceilings.js'
import type { Measured, MeasuredDepth, Rates } from './measure.js'
import { type RunProfile, summarizeProfile } from './profile.js'
import { bytesPerToken, macsPerToken } from './traffic.js'

/** Everything that must be the same for two results to be compared, besides the model. */
export interface BenchSettings {
  readonly executor: string
  /** Instruction set of the kernels; `null` for the reference executor. */
  readonly isa: string | null
  readonly threads: number
  /** Tokens of one step of a prompt. */
  readonly chunk: number
  readonly kvCache: string | null
}

/** Prefill at one depth. */
export interface PrefillResult {
  readonly tokens: number
  readonly tokensPerSecond: Rates
  /** Multiply-adds of the matrix products. */
  readonly macsPerSecond: number
  readonly shareOfMacRate: number | null
}

/** Decode at one depth. */
export interface DecodeResult {
  readonly tokens: number
  readonly tokensPerSecond: Rates
  /** Weights once, recurrent states there and back, cached keys and values of half of the run. */
  readonly bytesPerToken: number
  readonly shareOfBandwidth: number | null
}

/** Both kinds of runs at one depth; `null` for one that was left out. */
export interface DepthResult {
  readonly depth: number
  readonly prefill: PrefillResult | null
  readonly decode: DecodeResult | null
  readonly profile?: { readonly prefill: RunProfile | null; readonly decode: RunProfile | null }
}

/** The whole result. `depth`, `prefill`, `decode` and `profile` are those of the first of `depths`. */
export interface BenchResult extends BenchSettings, DepthResult {
  readonly fak: string
  readonly model: string
  /** Bytes of all tensors of the model. */
  readonly modelBytes: number
  readonly cpu: string
  readonly repeats: number
  readonly loadMs: number
  readonly peakRssBytes: number
  readonly depths: readonly DepthResult[]
  /** The best that was found. */
  readonly bandwidth: number
  readonly macRate: number | null
  /** Beside each run. */
  readonly bandwidths: readonly number[]
  readonly notes: { readonly bandwidth: string; readonly macRate: string }
}

/** What {@link BenchResult} says of the machine and the command, before anything is measured. */
export type Setting = Pick<BenchResult, 'fak' | 'cpu' | 'model' | 'modelBytes' | 'repeats' | keyof BenchSettings>

/** Puts the result together. */
export function benchResult(
  setting: Setting,
  runtime: Runtime,
  plan: { readonly prefill: number; readonly decode: number; readonly profile?: boolean },
  measured: Measured,
): BenchResult {
  const { prepared, loadMs } = runtime
  const bandwidths = measured.ceilings.map(({ bandwidth }) => bandwidth)
  const macRates = measured.ceilings.flatMap(({ macRate }) => macRate ?? [])
  const ceiling = {
    bandwidth: Math.max(...bandwidths),
    macRate: macRates.length === 0 ? null : Math.max(...macRates),
  }
  const depths = measured.depths.map((found): DepthResult => {
    const profileOf = (kind: 'prefill' | 'decode') =>
      found.steps[kind] && summarizeProfile(prepared, found.steps[kind], ceiling)
    return {
      depth: found.depth,
      ...depthRates(prepared, plan, found),
      ...(plan.profile === true && { profile: { prefill: profileOf('prefill'), decode: profileOf('decode') } }),
    }
  })
  return {
    ...setting,
    ...depths[0]!,
    depths,
    loadMs,
    peakRssBytes: measured.peakRssBytes,
    ...ceiling,
    bandwidths,
    notes: describeCeilings(runtime),
  }
}

function depthRates(
  prepared: PreparedProgram,
  plan: { readonly prefill: number; readonly decode: number },
  { depth, prefill, decode }: MeasuredDepth,
): Pick<DepthResult, 'prefill' | 'decode'> {
  const rates = ({ median, best, worst }: Rates): Rates => ({ median, best, worst })
  const macs = macsPerToken(prepared)
  const moved = bytesPerToken(prepared, depth + (plan.decode - 1) / 2)
  return {
    prefill: prefill && {
      tokens: plan.prefill,
      tokensPerSecond: rates(prefill),
      macsPerSecond: prefill.median * macs,
      shareOfMacRate: prefill.share(macs, ({ macRate }) => macRate),
    },
    decode: decode && {
      tokens: plan.decode,
      tokensPerSecond: rates(decode),
      bytesPerToken: moved,
      shareOfBandwidth: decode.share(moved, ({ bandwidth }) => bandwidth),
    },
  }
}
