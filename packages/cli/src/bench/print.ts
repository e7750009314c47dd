// What fak bench found, for people.

import { bytes, plural, rate, table } from '../output.js'
import type { Rates } from './measure.js'
import { printProfile } from './profile.js'
import type { BenchResult, DepthResult } from './result.js'

/** Lines of the table, what limits the machine above it, profiles below. */
export function printResult(result: BenchResult): string[] {
  const { depths } = result
  const profiles = depths.flatMap(({ depth, profile }) =>
    (['prefill', 'decode'] as const).flatMap((kind) => {
      const clocked = profile?.[kind]
      return clocked == null ? [] : ['', ...printProfile(named(kind, depth), clocked)]
    }),
  )
  return [...limits(result), '', ...table([HEAD, ...depths.flatMap((at) => rows(at, result))]), ...profiles]
}

/** `prefill` at depth 0, `prefill at 4096` at others. */
export const named = (kind: string, depth: number) => (depth === 0 ? kind : `${kind} at ${depth}`)

const HEAD = ['', 'tokens', 'tok/s median', 'best', 'at most', 'reached', 'share']

function limits({ bandwidths, macRate, threads, isa }: BenchResult): string[] {
  const who = `${plural(threads, 'thread')}${isa === null ? '' : ` with ${isa}`}`
  const multiplies =
    macRate === null
      ? 'multiply rate not known'
      : `multiply ${rate(macRate / 1e9)} GMAC/s in int8, which bounds prefill`
  return [`this machine: ${who} read ${range(bandwidths)}/s from memory, which bounds decode; ${multiplies}`]
}

function rows({ depth, prefill, decode }: DepthResult, { bandwidths, macRate }: BenchResult): string[][] {
  const row = (kind: string, tokens: number, { median, best }: Rates, reached: string, share: number | null) => [
    named(kind, depth),
    String(tokens),
    rate(median),
    rate(best),
    share === null ? '-' : rate(median / share),
    reached,
    share === null ? '-' : `${(100 * share).toFixed(0)} %`,
  ]
  const found: string[][] = []
  if (prefill !== null) {
    const limit = macRate === null ? '' : ` of ${rate(macRate / 1e9)}`
    const reached = `${rate(prefill.macsPerSecond / 1e9)}${limit} GMAC/s`
    found.push(row('prefill', prefill.tokens, prefill.tokensPerSecond, reached, prefill.shareOfMacRate))
  }
  if (decode !== null) {
    const { tokens, tokensPerSecond, bytesPerToken, shareOfBandwidth } = decode
    const reached = `${bytes(tokensPerSecond.median * bytesPerToken)}/s of ${range(bandwidths)}/s`
    found.push(row('decode', tokens, tokensPerSecond, reached, shareOfBandwidth))
  }
  return found
}

/** What the machine read beside the runs: one size, or the range where it moved by more than a tenth. */
function range(sizes: readonly number[]): string {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  return least > 0.9 * most ? bytes(most) : `${bytes(least)} to ${bytes(most)}`
}
