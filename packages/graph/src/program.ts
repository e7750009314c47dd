// Program: what a model function records. Plain data, no behaviour: it prints, hashes, compares and crosses to any executor.
// Only three things are known at run time rather than here: T, P and R (see Dim).

import type { DType } from '@fak/tensor'

/**
 * A dimension: a number fixed at record time, or a runtime scalar.
 * `'T'` is the number of tokens in the step; `'R'` is how many of its last rows the caller wants (0 to T).
 * The third scalar, the position P of the step's first token, never shows in a shape.
 */
export type Dim = number | 'T' | 'R'

/** Index of a value in {@link Program.values}. */
export type ValueId = number

/** Something an op reads or writes. Activations are F32, row-major, rows first; an `input` is one that the caller of the step writes. */
export type ValueInfo =
  | { readonly kind: 'tokens'; readonly shape: readonly ['T']; readonly label: string }
  | { readonly kind: 'weight'; readonly dtype: DType; readonly shape: readonly number[]; readonly label: string }
  | { readonly kind: 'input'; readonly shape: readonly ['T', number]; readonly label: string }
  | { readonly kind: 'activation'; readonly shape: readonly [Dim, number]; readonly label: string }

/**
 * Something a sequence carries from step to step. Always F32 and zero at the start of a sequence.
 * `recurrent`: one array of this shape, rewritten by each step. `kv`: one row of this shape for every position.
 */
export interface StateInfo {
  readonly kind: 'recurrent' | 'kv'
  readonly shape: readonly number[]
  readonly label: string
}

/** One op: what it reads, what it writes, and its constants. `kind` names an entry of the op catalogue. */
export interface OpNode {
  readonly kind: string
  readonly inputs: readonly ValueId[]
  /** Indices into {@link Program.states}, in the order the op's definition names them. */
  readonly states: readonly number[]
  readonly output: ValueId
  readonly attrs: Readonly<Record<string, number | string>>
  /** Where in the model this op stands, e.g. `layers.3.self_attn.q_proj`. */
  readonly label: string
}

/** A recorded model: values, states and ops in execution order. Weight values are bound by label when it is prepared. */
export interface Program {
  readonly values: readonly ValueInfo[]
  readonly states: readonly StateInfo[]
  readonly ops: readonly OpNode[]
  /** Results by name, e.g. `logits`. */
  readonly outputs: Readonly<Record<string, ValueId>>
}
