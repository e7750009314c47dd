// Weights: what a model function knows about its parameters while it is recorded: label, stored type and shape, never the bytes.

import type { DType } from '@fak/tensor'

/** Stored type and shape of one parameter. A `TensorData` is one. */
export interface WeightInfo {
  readonly dtype: DType
  /** Row-major, slowest dimension first; a matrix is `[out, in]`. */
  readonly shape: readonly number[]
}

/**
 * The parameters below one module path, e.g. `layers.3.self_attn`. `at` steps inwards, so a layer function sees only its
 * own names: `w.at('layers.3').at('self_attn').at('q_proj')`.
 */
export class Weights {
  readonly #all: ReadonlyMap<string, WeightInfo>
  /** Module path of these weights; empty at the root. */
  readonly path: string

  /** All parameters of a model, by label. */
  constructor(all: ReadonlyMap<string, WeightInfo>, path = '') {
    this.#all = all
    this.path = path
  }

  /** The weights of the module `name` inside this one. */
  at(name: string): Weights {
    return new Weights(this.#all, join(this.path, name))
  }

  /** Type and shape of the parameter `name` of this module, if there is one. */
  get(name: string): WeightInfo | undefined {
    return this.#all.get(join(this.path, name))
  }

  /** Label of the parameter `name` of this module. */
  label(name: string): string {
    return join(this.path, name)
  }
}

/** Joins two label parts with a dot; an empty part disappears. */
export const join = (scope: string, name: string): string => (scope && name ? `${scope}.${name}` : scope + name)
