// The reference executor: runs a Program by the definitions of its ops, phase after phase, in an arena laid out by the memory plan. It is
// the oracle for every other executor and works wherever JavaScript does. It does not try to be fast.

import { elementCount, FakError, readWeight, storedBytes, type WeightTensor } from '@fak/tensor'
import { checkBatch, checkBindings, checkInputs, checkStep, vocabularySize } from '../checks.js'
import {
  chooseKvCache,
  type Executor,
  type KvCacheType,
  type PreparedProgram,
  type PrepareOptions,
  type SequenceState,
  type StateArray,
  type StateContent,
  type Step,
  type StepOutcome,
  type StepResult,
  type WeightBindings,
} from '../executor.js'
import type { OpDefinition } from '../ops/define.js'
import * as catalogue from '../ops/index.js'
import { type MemoryPlan, planProgram, tapIds } from '../plan.js'
import type { OpNode, Program, ValueId } from '../program.js'
import { keptByCache } from './kv-cache.js'
import { allocate, ReferenceState, referenceArrays, StateFamily } from './state.js'

/** Choices of a {@link ReferenceExecutor}. */
export interface ReferenceOptions {
  /** Definitions of custom ops, beside those of the catalogue. */
  ops?: readonly OpDefinition[]
  /** Weights that take more than this as f32, all together, are dequantized at each use instead of once. Default 4 GiB. */
  heldBytes?: number
  /** Overwrites arena memory with NaN as soon as the plan calls it free, so that a wrong plan shows in the results. */
  poison?: boolean
}

const DEFAULT_HELD_BYTES = 4 * 2 ** 30
const DEFAULT_MAX_TOKENS = 64
/** Longest time without giving the event loop a turn, so that an abort can arrive. */
const BREATH_MS = 20

/** Runs Programs by the plain definitions of their ops. See the file's header. */
export class ReferenceExecutor implements Executor {
  readonly name = 'reference'
  readonly description = 'reference executor: plain TypeScript, f32, one thread'
  readonly #definitions: ReadonlyMap<string, OpDefinition>
  readonly #options: ReferenceOptions

  constructor(options: ReferenceOptions = {}) {
    const definitions: OpDefinition[] = [...Object.values(catalogue), ...(options.ops ?? [])]
    this.#definitions = new Map(definitions.map((definition) => [definition.kind, definition]))
    this.#options = options
  }

  async prepare(program: Program, weights: WeightBindings, options: PrepareOptions = {}): Promise<PreparedProgram> {
    const unknown = new Set(program.ops.map((op) => op.kind).filter((kind) => !this.#definitions.has(kind)))
    if (unknown.size > 0) {
      const reason = `no definition of the op${unknown.size > 1 ? 's' : ''} ${[...unknown].join(', ')}`
      throw new FakError('PROGRAM_UNSUPPORTED', { reason })
    }
    checkBindings(program, weights)
    const maxTokens = options.maxTokens ?? DEFAULT_MAX_TOKENS
    return new PreparedReference({
      program,
      maxTokens,
      definitions: this.#definitions,
      kvCache: chooseKvCache(options),
      plan: planProgram(program, maxTokens, { taps: options.taps ?? [] }),
      taps: tapIds(program, options.taps ?? []),
      weights: await loadWeights(program, weights, this.#options.heldBytes ?? DEFAULT_HELD_BYTES, options),
      poison: this.#options.poison ?? false,
    })
  }
}

/** A weight in f32, or where to read it. */
type LoadedWeight = Float32Array | WeightTensor

async function loadWeights(
  program: Program,
  weights: WeightBindings,
  heldBytes: number,
  { onProgress, signal }: PrepareOptions,
): Promise<ReadonlyMap<ValueId, LoadedWeight>> {
  const bound = program.values.flatMap((value, id) =>
    value.kind === 'weight' ? [[id, weights.get(value.label)!] as const] : [],
  )
  const size = (tensor: WeightTensor) => elementCount(tensor.shape) * Float32Array.BYTES_PER_ELEMENT
  if (bound.reduce((sum, [, tensor]) => sum + size(tensor), 0) > heldBytes) return new Map(bound)

  const total = bound.reduce((sum, [, tensor]) => sum + storedBytes(tensor), 0)
  const loaded = new Map<ValueId, LoadedWeight>()
  let done = 0
  for (const [id, tensor] of bound) {
    assertNotAborted(signal)
    loaded.set(id, await readWeight(tensor))
    done += storedBytes(tensor)
    onProgress?.(done, total)
  }
  return loaded
}

interface Parts {
  readonly program: Program
  readonly maxTokens: number
  readonly kvCache: KvCacheType
  readonly definitions: ReadonlyMap<string, OpDefinition>
  readonly plan: MemoryPlan
  readonly taps: ReadonlyMap<string, ValueId>
  readonly weights: ReadonlyMap<ValueId, LoadedWeight>
  readonly poison: boolean
}

/** What one running step works with. */
interface Frame {
  readonly tokens: Uint32Array
  readonly position: number
  readonly states: readonly Float32Array[]
  readonly view: (id: ValueId) => Float32Array
}

class PreparedReference implements PreparedProgram {
  readonly program: Program
  readonly maxTokens: number
  readonly kvCache: KvCacheType
  readonly #vocabulary: number
  readonly #states = new StateFamily()
  #parts: Parts | undefined
  #arena: ArrayBufferLike
  #queue: Promise<unknown> = Promise.resolve()

  constructor(parts: Parts) {
    this.program = parts.program
    this.maxTokens = parts.maxTokens
    this.kvCache = parts.kvCache
    this.#vocabulary = vocabularySize(parts.program)
    this.#parts = parts
    this.#arena = allocate(parts.plan.arenaBytes / Float32Array.BYTES_PER_ELEMENT).buffer
  }

  get stateBytes(): number {
    return this.#states.byteLength
  }

  /** Every op is defined once, in order: there is one arithmetic for each type of cache, whose rows are held as floats in any case. */
  get arithmetic(): string {
    return this.kvCache === 'f32' ? 'reference 1' : `reference 1, cache of ${this.kvCache}`
  }

  get stateArrays(): readonly StateArray[] {
    return referenceArrays(this.program.states)
  }

  createState(): SequenceState {
    return new ReferenceState(this.program.states, this.#states)
  }

  async restoreState(content: StateContent): Promise<SequenceState> {
    const { caches } = content
    if (caches !== undefined && !(caches instanceof ReferenceState && this.#states.has(caches))) {
      throw new FakError('STATE_MISMATCH', {
        reason: 'the state was made by another prepared program',
        field: 'caches',
      })
    }
    const state = new ReferenceState(this.program.states, this.#states)
    try {
      await state.restore(content)
      return state
    } catch (error) {
      await state.dispose()
      throw error
    }
  }

  async run(step: Step): Promise<StepResult> {
    const parts = this.#parts
    if (parts === undefined) throw disposed()
    const rows = checkStep(step, { maxTokens: this.maxTokens, vocabulary: this.#vocabulary })
    const given = checkInputs(this.program, step)
    const { state } = step
    if (!(state instanceof ReferenceState && this.#states.has(state))) {
      throw new FakError('STATE_MISMATCH', { reason: 'the state was made by another prepared program', field: 'state' })
    }
    const turn = this.#queue
    const result = state.advance(step.tokens.length, async (states) => {
      await turn
      return this.#execute(parts, step, { rows, given }, states)
    })
    this.#queue = result.catch(() => {})
    return result
  }

  /** One after the other: there is nothing to share. */
  async runBatch(steps: readonly Step[]): Promise<StepOutcome[]> {
    if (this.#parts === undefined) throw disposed()
    checkBatch(steps, this.maxTokens)
    return Promise.allSettled(steps.map((step) => this.run(step)))
  }

  async dispose(): Promise<void> {
    this.#parts = undefined
    await this.#queue
    this.#arena = new ArrayBuffer(0)
  }

  async #execute(
    parts: Parts,
    step: Step,
    { rows, given }: { rows: number; given: ReadonlyMap<ValueId, Float32Array> },
    states: readonly Float32Array[],
  ): Promise<StepResult> {
    const { plan, program, taps, poison } = parts
    const { tokens } = step
    const view = (id: ValueId): Float32Array => {
      const input = given.get(id)
      if (input !== undefined) return input
      const [dim, columns] = program.values[id]!.shape as readonly [number | 'T' | 'R', number]
      const count = dim === 'T' ? tokens.length : dim === 'R' ? rows : dim
      return new Float32Array(this.#arena, plan.offsets.get(id)!, count * columns)
    }
    const frame: Frame = { tokens, position: step.state.position, states, view }
    const signal = tokens.length > 1 ? step.signal : undefined
    const freed = poison ? freedAfterPhase(program, plan, taps) : undefined
    if (poison) new Float32Array(this.#arena).fill(NaN)

    let rested = performance.now()
    for (const [phase, indices] of plan.phases.entries()) {
      assertNotAborted(signal)
      for (const index of indices) await runOp(parts, program.ops[index]!, frame)
      for (const id of freed?.[phase] ?? []) view(id).fill(NaN)
      if (performance.now() - rested > BREATH_MS) {
        await new Promise((resolve) => setTimeout(resolve))
        rested = performance.now()
      }
    }
    return {
      outputs: Object.fromEntries(Object.entries(program.outputs).map(([name, id]) => [name, view(id).slice()])),
      taps: new Map([...taps].map(([label, id]) => [label, view(id).slice()])),
    }
  }
}

async function runOp({ program, definitions, weights, kvCache }: Parts, op: OpNode, frame: Frame): Promise<void> {
  const definition = definitions.get(op.kind)!
  const inputs: Record<string, Float32Array> = {}
  const out = frame.view(op.output)
  const columns = Number(program.values[op.output]!.shape[1])
  const io = {
    inputs,
    states: Object.fromEntries(definition.states.map((name, i) => [name, frame.states[op.states[i]!]!])),
    out,
    rows: out.length / columns,
    columns,
    tokens: frame.tokens,
    position: frame.position,
  }
  const unread: [name: string, weight: WeightTensor][] = []
  for (const [i, name] of definition.inputs.entries()) {
    const id = op.inputs[i]!
    const { kind } = program.values[id]!
    if (kind === 'activation' || kind === 'input') inputs[name] = frame.view(id)
    const weight = kind === 'weight' ? weights.get(id)! : undefined
    if (weight instanceof Float32Array) inputs[name] = weight
    else if (weight !== undefined) unread.push([name, weight])
  }
  const slices = unread.length > 0 ? definition.weightSlices?.(io, op.attrs as never) : undefined
  for (const [name, weight] of unread) inputs[name] = await readWeight(weight, slices?.[name])
  if (op.kind === catalogue.attention.kind) {
    inputs.k = keptByCache(kvCache, inputs.k!, Number(op.attrs.Dk), op.label)
    inputs.v = keptByCache(kvCache, inputs.v!, Number(op.attrs.Dv), op.label)
  }
  definition.run(io, op.attrs as never)
  if (!out.every(Number.isFinite)) {
    throw new FakError('NON_FINITE', { reason: `${op.kind} gave a value that is not finite`, field: op.label })
  }
}

/** For every phase, the values that nothing reads after it. */
function freedAfterPhase(program: Program, plan: MemoryPlan, taps: ReadonlyMap<string, ValueId>): ValueId[][] {
  const lastUse = new Map<ValueId, number>()
  for (const [phase, indices] of plan.phases.entries()) {
    for (const op of indices.map((index) => program.ops[index]!)) {
      for (const id of [...op.inputs, op.output]) if (plan.offsets.has(id)) lastUse.set(id, phase)
    }
  }
  for (const id of [...Object.values(program.outputs), ...taps.values()]) lastUse.delete(id)
  return plan.phases.map((_, phase) => [...lastUse].filter(([, last]) => last === phase).map(([id]) => id))
}

function disposed(): FakError {
  return new FakError('DISPOSED', { reason: 'the prepared program has been disposed of' })
}

function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new FakError('ABORTED', { reason: 'the caller aborted', cause: signal.reason })
}
