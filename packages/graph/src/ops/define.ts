// What an op is: names of its operands, its constants, its shape rule, and the plain f32 definition that every kernel claims to match.

import { type DType, FakError } from '@fak/tensor'
import type { Dim, StateInfo, ValueInfo } from '../program.js'

/** Kind of a constant: a whole number above zero, any finite number, or one of the listed words. */
export type AttrSpec = 'count' | 'number' | readonly string[]
/** The constants of an op by name. */
export type AttrSpecs = Readonly<Record<string, AttrSpec>>
/** Values for {@link AttrSpecs}. */
export type AttrValues<A extends AttrSpecs> = {
  readonly [K in keyof A]: A[K] extends readonly (infer Word extends string)[] ? Word : number
}

/**
 * Definition of an op. `I` and `S` are the names of its inputs and states, in the order in which an `OpNode` lists them.
 * Make one with {@link defineOp}; a custom op needs nothing more to be recorded and to run on the reference executor.
 */
export interface OpDefinition<I extends string = string, S extends string = string, A extends AttrSpecs = AttrSpecs> {
  readonly kind: string
  readonly inputs: readonly I[]
  readonly states: readonly S[]
  readonly attrs: A
  /** Checks the operands and says what shape comes out. @throws FakError `GRAPH_SHAPE`, through {@link OpSite}. */
  shape(site: OpSite<I, S>, attrs: AttrValues<A>): readonly [Dim, number]
  /**
   * Which indices of the first dimension of a weight this step reads, for ops that read few of many; without it, all. An executor that
   * reads weights from a file at each use may leave the rest unread. Weights are not yet among the inputs.
   */
  weightSlices?(io: OpIo<I, S>, attrs: AttrValues<A>): Readonly<Partial<Record<I, readonly number[]>>>
  /** The definition: fills `out` and rewrites the states. Sums may run in double; what is stored is f32. */
  run(io: OpIo<I, S>, attrs: AttrValues<A>): void
}

/** What {@link OpDefinition.run} works on. Everything is row-major f32. */
export interface OpIo<I extends string = string, S extends string = string> {
  /** Activations `[T or R, columns]` and dequantized weights, by input name. The token ids are in {@link OpIo.tokens}. */
  readonly inputs: Readonly<Record<I, Float32Array>>
  /** By state name: a recurrent array, or a `kv` cache with room for at least `position + T` rows. */
  readonly states: Readonly<Record<S, Float32Array>>
  /** The output, `[rows, columns]`. */
  readonly out: Float32Array
  readonly rows: number
  readonly columns: number
  /** T token ids of the step. */
  readonly tokens: Uint32Array
  /** P: position of the step's first token. */
  readonly position: number
}

/** Types a definition. The names of inputs, states and attrs become part of its type. */
export function defineOp<const I extends string, const S extends string, const A extends AttrSpecs>(
  definition: OpDefinition<I, S, A>,
): OpDefinition<I, S, A> {
  return definition
}

/** Where an op is being recorded: the shapes of its operands, and checks that name the place when they fail. */
export class OpSite<I extends string = string, S extends string = string> {
  readonly #label: string
  readonly #inputs: Readonly<Record<I, ValueInfo>>
  readonly #states: Readonly<Record<S, StateInfo>>

  constructor(label: string, inputs: Readonly<Record<I, ValueInfo>>, states: Readonly<Record<S, StateInfo>>) {
    this.#label = label
    this.#inputs = inputs
    this.#states = states
  }

  /** Shape of an activation input, `[T or R, columns]`. */
  activation(name: I): readonly [Dim, number] {
    const info = this.#inputs[name]
    if (info.kind !== 'activation' && info.kind !== 'input')
      this.fail(`${name} must be an activation, got ${info.kind} ${show(info.shape)}`)
    return info.shape
  }

  /** Shape of a weight input with `rank` dimensions, of the stored type `dtype` when one is demanded. */
  weight(name: I, rank: number, dtype?: DType): readonly number[] {
    const info = this.#inputs[name]
    if (info.kind !== 'weight') this.fail(`${name} must be a weight, got ${info.kind} ${show(info.shape)}`)
    if (info.shape.length !== rank) {
      this.fail(`${name} (${info.label}) must be of rank ${rank}, got ${show(info.shape)}`)
    }
    if (dtype !== undefined && info.dtype !== dtype) {
      this.fail(`${name} (${info.label}) must be stored as ${dtype}, got ${info.dtype}`)
    }
    return info.shape
  }

  /** Demands an exact shape of an input. */
  expect(name: I, shape: readonly Dim[]): void {
    const info = this.#inputs[name]
    if (!same(info.shape, shape)) {
      this.fail(`${name} (${info.label}) must be ${show(shape)}, got ${show(info.shape)}`)
    }
  }

  /** Demands kind and exact shape of a state. */
  expectState(name: S, kind: StateInfo['kind'], shape: readonly number[]): void {
    const info = this.#states[name]
    if (info.kind !== kind || !same(info.shape, shape)) {
      this.fail(`state ${name} must be ${kind} ${show(shape)}, got ${info.kind} ${show(info.shape)}`)
    }
  }

  /** Demands anything else; `reason` says what was expected and what came. */
  require(condition: boolean, reason: string): void {
    if (!condition) this.fail(reason)
  }

  /** @throws FakError `GRAPH_SHAPE` naming the op's label. */
  fail(reason: string): never {
    throw new FakError('GRAPH_SHAPE', { reason, field: this.#label })
  }
}

const same = (a: readonly Dim[], b: readonly Dim[]) => a.length === b.length && a.every((d, i) => d === b[i])

/** `[T, 64]` */
export const show = (shape: readonly Dim[]): string => `[${shape.join(', ')}]`
