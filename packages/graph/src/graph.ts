// The builder: what a model function writes to while it is recorded. It checks shapes as it goes, so that a mistake is reported at the
// line and label where it was made, and it never sees a weight's bytes.

import { FakError, quote } from '@fak/tensor'
import { type AttrSpecs, type AttrValues, type OpDefinition, OpSite } from './ops/define.js'
import * as ops from './ops/index.js'
import type { Dim, OpNode, Program, StateInfo, ValueId, ValueInfo } from './program.js'
import { join, type Weights } from './weights.js'

/** Something that an op can read: the tokens, a weight, or what another op wrote. Belongs to the {@link Graph} that made it. */
export interface Value {
  readonly id: ValueId
  /** Rows first; see {@link Dim}. */
  readonly shape: readonly Dim[]
}

/** A state that an op can carry from step to step. Belongs to the {@link Graph} that made it. */
export interface State {
  readonly index: number
  readonly shape: readonly number[]
}

/**
 * A place in the model: a name below the current scope (empty for the scope itself), or the module that some weights belong to,
 * which stands by its own path wherever it is used.
 */
export type Place = string | Weights

/** Operands of an op by name: its inputs and its states. */
export type Operands<I extends string, S extends string> = Readonly<Record<I, Value> & Record<S, State>>

/**
 * Records a model function once. The result is plain data: it prints, hashes, and runs on any executor.
 *
 * ```ts
 * const program = record((g) => ({ logits: decoder(g, weights, config) }))
 * ```
 *
 * @param build Returns the outputs by name; they must be activations.
 * @throws FakError `GRAPH_SHAPE` naming the label, what was expected and what came; `GRAPH_BAD_ATTR`, `GRAPH_MISSING_WEIGHT`,
 * `GRAPH_DUPLICATE_STATE`, `GRAPH_DUPLICATE_INPUT`, `GRAPH_FOREIGN_VALUE`, `GRAPH_BAD_OUTPUT`.
 */
export function record(build: (g: Graph) => Readonly<Record<string, Value>>): Program {
  const g = new Graph()
  return g.finish(build(g))
}

/** Builder of a {@link Program}; {@link record} makes one. */
export class Graph {
  readonly #values: { info: ValueInfo; value: Value }[] = []
  readonly #states: { info: StateInfo; state: State }[] = []
  readonly #ops: OpNode[] = []
  readonly #weights = new Map<string, Value>()
  readonly #labels = new Set<string>()
  #tokens: Value | undefined
  #scope = ''

  /** The token ids of the step, `[T]`. */
  tokens(): Value {
    this.#tokens ??= this.#value({ kind: 'tokens', shape: ['T'], label: 'tokens' })
    return this.#tokens
  }

  /** Rows that come with each step, `[T, columns]`: {@link Step.inputs} has them under this name. */
  input(name: string, columns: number): Value {
    if (this.#values.some(({ info }) => info.kind === 'input' && info.label === name)) {
      throw new FakError('GRAPH_DUPLICATE_INPUT', { reason: 'an input with this name exists', field: name })
    }
    return this.#value({ kind: 'input', shape: ['T', columns], label: name })
  }

  /** The parameter `name` of a module. Asking twice gives the same value. @throws FakError `GRAPH_MISSING_WEIGHT` */
  weight(module: Weights, name = 'weight'): Value {
    const label = module.label(name)
    const known = this.#weights.get(label)
    if (known !== undefined) return known
    const info = module.get(name)
    if (info === undefined) {
      throw new FakError('GRAPH_MISSING_WEIGHT', { reason: 'the model has no such weight', field: label })
    }
    const value = this.#value({ kind: 'weight', dtype: info.dtype, shape: [...info.shape], label })
    this.#weights.set(label, value)
    return value
  }

  /** Declares an array that each step rewrites: F32, zero at the start of a sequence. */
  state(name: string, shape: readonly number[]): State {
    return this.#state({ kind: 'recurrent', shape: [...shape], label: join(this.#scope, name) })
  }

  /** Declares a cache that keeps one row of `width` floats for every position. */
  kvCache(name: string, width: number): State {
    return this.#state({ kind: 'kv', shape: [width], label: join(this.#scope, name) })
  }

  /**
   * Records an op and gives its output.
   *
   * ```ts
   * const turned = g.op(ops.rope, { x: q }, { heads, headDim, dims, theta }, 'q_rope')
   * ```
   *
   * @param operands Inputs and states under the names of the definition.
   * @param place Labels the op and its output; the op's kind when left out. A label already taken gets `#2`, `#3`, …
   */
  op<I extends string, S extends string, A extends AttrSpecs>(
    definition: OpDefinition<I, S, A>,
    operands: Operands<I, S>,
    attrs: AttrValues<A>,
    place: Place = definition.kind,
  ): Value {
    const label = this.#freshLabel(this.#resolve(place))
    checkAttrs(label, definition.attrs, attrs)
    const inputs = definition.inputs.map((name) => this.#own(operands[name], label, name))
    const states = definition.states.map((name) => this.#ownState(operands[name], label, name))
    const site = new OpSite<I, S>(
      label,
      byName(definition.inputs, (i) => this.#values[inputs[i]!]!.info),
      byName(definition.states, (i) => this.#states[states[i]!]!.info),
    )
    const output = this.#value({ kind: 'activation', shape: definition.shape(site, attrs), label })
    this.#ops.push({ kind: definition.kind, inputs, states, output: output.id, attrs: { ...attrs }, label })
    return output
  }

  /** `a + b`: the residual connection, the one op that model code writes often enough to have a method. */
  add(a: Value, b: Value, place?: Place): Value {
    return this.op(ops.add, { a, b }, {}, place)
  }

  /** Runs `build` with labels below `place`. */
  scope<T>(place: Place, build: () => T): T {
    const outer = this.#scope
    this.#scope = this.#resolve(place)
    try {
      return build()
    } finally {
      this.#scope = outer
    }
  }

  /** Gives an op's output, and the op, a label that others look for, such as `layers.3` for what leaves layer 3. */
  name(place: Place, value: Value): Value {
    const wanted = this.#resolve(place)
    const id = this.#own(value, wanted, 'value')
    const index = this.#ops.findIndex((op) => op.output === id)
    const op = this.#ops[index]
    if (op === undefined) {
      throw new FakError('GRAPH_FOREIGN_VALUE', { reason: 'only the output of an op can be named', field: wanted })
    }
    this.#labels.delete(op.label)
    const label = this.#freshLabel(wanted)
    this.#ops[index] = { ...op, label }
    const entry = this.#values[op.output]!
    entry.info = { ...entry.info, label }
    return value
  }

  /** Ends the recording; {@link record} calls it. */
  finish(outputs: Readonly<Record<string, Value>>): Program {
    const ids = Object.entries(outputs).map(([name, value]) => {
      const id = this.#own(value, name, 'output')
      const { kind } = this.#values[id]!.info
      if (kind !== 'activation') {
        throw new FakError('GRAPH_BAD_OUTPUT', { reason: `an output must be an activation, got ${kind}`, field: name })
      }
      return [name, id] as const
    })
    return {
      values: this.#values.map(({ info }) => info),
      states: this.#states.map(({ info }) => info),
      ops: [...this.#ops],
      outputs: Object.fromEntries(ids),
    }
  }

  #value(info: ValueInfo): Value {
    const value = { id: this.#values.length, shape: info.shape }
    this.#values.push({ info, value })
    return value
  }

  #state(info: StateInfo): State {
    if (this.#states.some((other) => other.info.label === info.label)) {
      throw new FakError('GRAPH_DUPLICATE_STATE', { reason: 'a state with this label exists', field: info.label })
    }
    const state = { index: this.#states.length, shape: info.shape }
    this.#states.push({ info, state })
    return state
  }

  #own(value: Value, label: string, operand: string): ValueId {
    if (this.#values[value?.id]?.value !== value) {
      const reason = `${operand} is not a value of this graph`
      throw new FakError('GRAPH_FOREIGN_VALUE', { reason, field: label })
    }
    return value.id
  }

  #ownState(state: State, label: string, operand: string): number {
    if (this.#states[state?.index]?.state !== state) {
      const reason = `${operand} is not a state of this graph`
      throw new FakError('GRAPH_FOREIGN_VALUE', { reason, field: label })
    }
    return state.index
  }

  #resolve(place: Place): string {
    return typeof place === 'string' ? join(this.#scope, place) : place.path
  }

  #freshLabel(wanted: string): string {
    let label = wanted
    for (let n = 2; this.#labels.has(label); n++) label = `${wanted}#${n}`
    this.#labels.add(label)
    return label
  }
}

function byName<K extends string, V>(names: readonly K[], of: (index: number) => V): Readonly<Record<K, V>> {
  return Object.fromEntries(names.map((name, i) => [name, of(i)])) as Record<K, V>
}

function checkAttrs(label: string, specs: AttrSpecs, attrs: Readonly<Record<string, number | string>>): void {
  const bad = (reason: string) => new FakError('GRAPH_BAD_ATTR', { reason, field: label })
  for (const name of Object.keys(attrs)) {
    if (!Object.hasOwn(specs, name)) throw bad(`the op has no attribute ${quote(name)}`)
  }
  for (const [name, spec] of Object.entries(specs)) {
    const value = attrs[name]
    if (
      spec === 'count'
        ? !(Number.isSafeInteger(value) && Number(value) > 0)
        : spec === 'number' && !Number.isFinite(value)
    ) {
      throw bad(`${name} must be a ${spec === 'count' ? 'whole number above 0' : 'finite number'}, got ${value}`)
    }
    if (typeof spec !== 'string' && !spec.includes(String(value))) {
      throw bad(`${name} must be one of ${spec.join(', ')}, got ${value}`)
    }
  }
}
