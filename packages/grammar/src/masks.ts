// Which tokens may come in a state. A place in a grammar allows most tokens whatever called it: those are found once for the place. Only
// tokens that go on behind the end of its rule are looked at for every caller.

import type { Machine, Stack, State } from './machine.js'
import type { TokenTable } from './vocabulary.js'

/** One bit for each id: bit `id & 31` of word `id >> 5`. */
export type Mask = Uint32Array

/** What a place allows by itself. */
interface Local {
  readonly ids: Uint32Array | Mask
  readonly dense: boolean
  /** Places of the tree at which the rule may end: tokens below them depend on its callers. */
  readonly pending: Uint32Array
}

/** Finished masks that are kept: enough for the places that a text comes back to. */
const MAX_MASKS = 256
/** Fewer tokens are kept as a list. */
const MAX_LISTED = 512

/** Makes the masks of one grammar over one vocabulary. */
export class Masks {
  readonly #machine: Machine
  readonly #table: TokenTable
  readonly #words: number
  readonly #locals = new Map<string, Local>()
  readonly #masks = new Map<State, Mask>()
  readonly #path: State[] = []

  constructor(machine: Machine, table: TokenTable) {
    this.#machine = machine
    this.#table = table
    this.#words = Math.ceil(table.vocabSize / 32)
  }

  /** The mask of a state; do not write to it. */
  of(state: State): Mask {
    const known = this.#masks.get(state)
    if (known !== undefined) {
      // The last in the map is the one used last.
      this.#masks.delete(state)
      this.#masks.set(state, known)
      return known
    }
    const mask = new Uint32Array(this.#words)
    for (const stack of state.stacks) this.#addStack(stack, mask)
    this.#masks.set(state, mask)
    if (this.#masks.size > MAX_MASKS) this.#masks.delete(this.#masks.keys().next().value!)
    return mask
  }

  #addStack(stack: Stack, mask: Mask): void {
    const { tokens, ends } = this.#table
    for (const { text } of stack.node!.tokens) {
      const id = this.#table.added.get(text)
      if (id !== undefined) mask[id >> 5]! |= 1 << (id & 31)
    }
    if (stack.node!.bytes.length === 0) return
    const { ids, dense, pending } = this.#local(stack)
    if (dense) for (let i = 0; i < mask.length; i++) mask[i]! |= ids[i]!
    else for (const id of ids) mask[id >> 5]! |= 1 << (id & 31)
    const below = callers(stack)
    if (pending.length === 0 || below === this.#machine.end) return
    const state = this.#machine.stateOf([[below.node!, below.below!]])
    for (const place of pending) {
      this.#walk(place + 1, ends[place]!, state, (at) => {
        const id = tokens[at]!
        if (id >= 0) mask[id >> 5]! |= 1 << (id & 31)
      })
    }
  }

  /** What the place at the top allows, whoever called its rule. */
  #local(stack: Stack): Local {
    const { node, below } = stack
    const key = node!.insideCharacter ? `${node!.id} ${below!.node!.alike}` : `${node!.alike}`
    const known = this.#locals.get(key)
    if (known !== undefined) return known
    const machine = this.#machine
    const alone = node!.insideCharacter ? machine.push(below!.node!, machine.unknown) : machine.unknown
    const { tokens } = this.#table
    const ids: number[] = []
    const pending: number[] = []
    // A place is a leaf of the walk when nothing but callers can go on.
    this.#walk(0, tokens.length, machine.stateOf([[node!, alone]]), (at, state) => {
      if (tokens[at]! >= 0) ids.push(tokens[at]!)
      if (state.returns && this.#table.ends[at]! > at + 1) pending.push(at)
    })
    const dense = ids.length > MAX_LISTED
    const local = { ids: dense ? this.#bits(ids) : Uint32Array.from(ids), dense, pending: Uint32Array.from(pending) }
    this.#locals.set(key, local)
    return local
  }

  #bits(ids: readonly number[]): Mask {
    const mask = new Uint32Array(this.#words)
    for (const id of ids) mask[id >> 5]! |= 1 << (id & 31)
    return mask
  }

  /** Visits the places `[from, to)` of the tree that can be reached from a state. */
  #walk(from: number, to: number, state: State, visit: (place: number, state: State) => void): void {
    if (from >= to) return
    const { bytes, depths, ends } = this.#table
    const machine = this.#machine
    const path = this.#path
    const top = depths[from]! - 1
    path[top] = state
    for (let place = from; place < to; ) {
      const depth = depths[place]!
      const before = path[depth - 1]!
      const byte = bytes[place]!
      const known = before.next[byte]
      const next = known === undefined ? machine.step(before, byte) : known
      if (next === null) {
        place = ends[place]!
        continue
      }
      visit(place, next)
      path[depth] = next
      place++
    }
  }
}

/** What stands below the rule of the top place. */
function callers({ node, below }: Stack): Stack {
  return node!.insideCharacter ? below!.below! : below!
}
