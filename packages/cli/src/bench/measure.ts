// The measurements of fak bench: prefill and decode apart, each several times, at a depth.

import type { PreparedProgram, Program } from '@fak/graph'
import { createSession, type Session, StateCache } from '@fak/session'
import { byteLength, elementCount } from '@fak/tensor'

/** What to measure. */
export interface BenchPlan {
  readonly prefill: number
  readonly decode: number
  /** Tokens held before either begins. */
  readonly depth: number
  readonly repeats: number
}

/** Rates of several runs, in tokens per second. */
export interface Rates {
  readonly median: number
  readonly best: number
}

/** What was measured. `null` where nothing was asked for. */
export interface Measured {
  readonly prefill: Rates | null
  readonly decode: Rates | null
  /** State held at the end of a decode run. */
  readonly stateBytes: number
}

/** Runs the plan. `onRun` hears of each run that begins. */
export async function measure(
  prepared: PreparedProgram,
  plan: BenchPlan,
  { vocabulary, signal, onRun }: { vocabulary: number; signal: AbortSignal; onRun: (name: string) => void },
): Promise<Measured> {
  const { prefill, decode, depth, repeats } = plan
  // Every run computes its tokens: with kept states the second one would only come back to the first one's.
  const cache = new StateCache(prepared, { maxBytes: 0 })
  const session = createSession(prepared, { contextLength: depth + prefill + decode + 1, cache })
  const ids = spread(depth + Math.max(prefill, decode + 1), vocabulary)
  const runs = { prefill: [] as number[], decode: [] as number[] }
  let stateBytes = 0
  try {
    onRun('warming up')
    await session.sync(ids.slice(0, Math.min(ids.length, 8)), { signal })
    for (let repeat = 0; repeat < repeats; repeat++) {
      if (prefill > 0) {
        onRun(`prefill ${repeat + 1} of ${repeats}`)
        await goTo(session, ids.slice(0, depth), signal)
        runs.prefill.push(await perSecond(prefill, () => session.sync(ids.slice(0, depth + prefill), { signal })))
      }
      if (decode > 0) {
        onRun(`decode ${repeat + 1} of ${repeats}`)
        await goTo(session, ids.slice(0, depth), signal)
        runs.decode.push(
          await perSecond(decode, async () => {
            for (let i = 0; i < decode; i++) await session.step(ids[depth + i]!, { signal })
          }),
        )
        stateBytes = session.byteLength
      }
    }
  } finally {
    await session.dispose()
  }
  return { prefill: rates(runs.prefill), decode: rates(runs.decode), stateBytes }
}

/**
 * Weight bytes that one token reads: every weight once; of a table that is only looked up, its row; of a stack of experts, the
 * matrices that are chosen.
 */
export function weightBytesPerToken(program: Program): number {
  const whole = new Set<number>()
  let parts = 0
  for (const op of program.ops) {
    for (const id of op.inputs) {
      const value = program.values[id]!
      if (value.kind !== 'weight') continue
      if (op.kind === 'embedding') parts += byteLength(value.dtype, value.shape.slice(1))
      else if (op.kind === 'expertLinear')
        parts += Number(op.attrs.topK) * byteLength(value.dtype, value.shape.slice(1))
      else whole.add(id)
    }
  }
  let bytes = parts
  for (const id of whole) {
    const value = program.values[id]!
    if (value.kind === 'weight') bytes += byteLength(value.dtype, value.shape)
  }
  return bytes
}

/** Multiply-adds of the matrix products that every prompt token goes through: the head runs for the last one only. */
export function macsPerToken(program: Program): number {
  let macs = 0
  for (const { kind, inputs, attrs } of program.ops) {
    if (program.values[inputs[0]!]!.shape[0] !== 'T') continue
    const weight = program.values[inputs.at(-1)!]!
    if (weight.kind !== 'weight') continue
    if (kind === 'linear') macs += elementCount(weight.shape)
    if (kind === 'expertLinear') macs += Number(attrs.topK) * elementCount(weight.shape.slice(1))
  }
  return macs
}

async function goTo(session: Session, tokens: readonly number[], signal: AbortSignal): Promise<void> {
  session.reset()
  if (tokens.length > 0) await session.sync(tokens, { signal })
}

async function perSecond(tokens: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (tokens * 1000) / (performance.now() - start)
}

function rates(runs: readonly number[]): Rates | null {
  if (runs.length === 0) return null
  const sorted = [...runs].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return { median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2, best: sorted.at(-1)! }
}

/** Token ids that visit the whole vocabulary in no particular order, the same every time. */
function spread(count: number, vocabulary: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 7919 + 13) % vocabulary)
}
