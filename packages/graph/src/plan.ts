// The memory plan: which ops may run side by side (phases), and where in one arena each activation lies. Pure; executors take it as given.

import { FakError, quote } from '@fak/tensor'
import { nearest } from './nearest.js'
import type { Program, ValueId } from './program.js'

/** Phases and places for one Program and one largest step. */
export interface MemoryPlan {
  /** Indices of ops. Ops of one phase do not depend on each other; phases run in order. */
  readonly phases: readonly (readonly number[])[]
  /** Byte offset in the arena of every activation, a multiple of {@link ARENA_ALIGNMENT}. */
  readonly offsets: ReadonlyMap<ValueId, number>
  /** Size of the arena, a multiple of {@link ARENA_ALIGNMENT}. */
  readonly arenaBytes: number
}

/** Alignment of activations in the arena: a cache line, and the widest vector. */
export const ARENA_ALIGNMENT = 64

/** From the phase that writes a value to the last one that reads it, both included. */
interface Lifetime {
  readonly id: ValueId
  readonly bytes: number
  readonly first: number
  last: number
}

/**
 * Plans a Program for steps of up to `maxTokens` tokens. Two values whose lifetimes share a phase never overlap; outputs and taps stay
 * to the end. The same input always gives the same plan.
 *
 * @param options.taps Names of activations to keep as well; see {@link tapIds}.
 * @throws FakError `UNKNOWN_TAP` for a name that no activation has, `BAD_MAX_TOKENS` unless `maxTokens` is a whole number above 0.
 */
export function planProgram(
  program: Program,
  maxTokens: number,
  options: { readonly taps?: readonly string[] } = {},
): MemoryPlan {
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    const reason = `maxTokens must be a whole number above 0, got ${maxTokens}`
    throw new FakError('BAD_MAX_TOKENS', { reason, field: 'maxTokens' })
  }
  const phases = phasesOf(program)
  const kept = [...Object.values(program.outputs), ...tapIds(program, options.taps ?? []).values()]
  const lifetimes = lifetimesOf(program, phases, maxTokens, kept)
  const offsets = place(lifetimes)
  const arenaBytes = lifetimes.reduce((end, { id, bytes }) => Math.max(end, offsets.get(id)! + bytes), 0)
  return { phases, offsets, arenaBytes }
}

/**
 * The activations that the given names mean: the label of the value, or of the op that writes it, or an output's name. Several names of
 * one value are all in the result.
 *
 * @throws FakError `UNKNOWN_TAP` with the labels that look most like the one asked for
 */
export function tapIds(program: Program, taps: readonly string[]): Map<string, ValueId> {
  if (taps.length === 0) return new Map()
  const activation = (id: ValueId) => program.values[id]?.kind === 'activation'
  // A later entry wins, so the order is that of precedence.
  const byName = new Map([
    ...Object.entries(program.outputs).filter(([, id]) => activation(id)),
    ...program.ops.map((op) => [op.label, op.output] as const),
    ...program.ops.map((op) => [program.values[op.output]!.label, op.output] as const),
  ])
  return new Map(
    taps.map((label) => {
      const id = byName.get(label)
      if (id === undefined) {
        const near = nearest(label, byName.keys()).map(quote).join(', ')
        const reason = `no activation has the label ${quote(label)}; the nearest are ${near}`
        throw new FakError('UNKNOWN_TAP', { reason, field: 'taps' })
      }
      return [label, id]
    }),
  )
}

/** Every op goes into the earliest phase in which its inputs, and the ops before it on the same states, are done. */
function phasesOf(program: Program): number[][] {
  const phases: number[][] = []
  const valueReady = new Map<ValueId, number>()
  const stateReady = new Map<number, number>()
  for (const [index, op] of program.ops.entries()) {
    const phase = Math.max(
      0,
      ...op.inputs.map((id) => valueReady.get(id) ?? 0),
      ...op.states.map((state) => stateReady.get(state) ?? 0),
    )
    phases[phase] ??= []
    phases[phase].push(index)
    valueReady.set(op.output, phase + 1)
    for (const state of op.states) stateReady.set(state, phase + 1)
  }
  return phases
}

function lifetimesOf(
  program: Program,
  phases: readonly (readonly number[])[],
  maxTokens: number,
  kept: readonly ValueId[],
): Lifetime[] {
  const lifetimes = new Map<ValueId, Lifetime>()
  for (const [phase, indices] of phases.entries()) {
    for (const op of indices.map((index) => program.ops[index]!)) {
      for (const id of op.inputs) {
        const lifetime = lifetimes.get(id)
        if (lifetime !== undefined) lifetime.last = phase
      }
      const [rows, columns] = program.values[op.output]!.shape as readonly [number | string, number]
      const bytes = (typeof rows === 'number' ? rows : maxTokens) * columns * Float32Array.BYTES_PER_ELEMENT
      lifetimes.set(op.output, { id: op.output, bytes: align(bytes), first: phase, last: phase })
    }
  }
  for (const id of kept) lifetimes.get(id)!.last = phases.length
  return [...lifetimes.values()]
}

/** Largest first, each at the lowest offset that is free for its whole life: small and simple, and close to the best in practice. */
function place(lifetimes: readonly Lifetime[]): Map<ValueId, number> {
  const placed: { life: Lifetime; start: number; end: number }[] = [] // by start
  for (const life of lifetimes.toSorted((a, b) => b.bytes - a.bytes || a.id - b.id)) {
    let start = 0
    for (const other of placed) {
      if (other.life.first > life.last || other.life.last < life.first) continue
      if (other.start >= start + life.bytes) break
      start = Math.max(start, other.end)
    }
    const after = placed.findIndex((other) => other.start > start)
    placed.splice(after < 0 ? placed.length : after, 0, { life, start, end: start + life.bytes })
  }
  return new Map(placed.map(({ life, start }) => [life.id, start]))
}

const align = (bytes: number): number => Math.ceil(bytes / ARENA_ALIGNMENT) * ARENA_ALIGNMENT
