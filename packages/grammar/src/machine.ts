// What a grammar allows after the bytes so far: a set of stacks of places, stepped byte by byte. Stacks share their lower parts, and
// states and their steps are made once, so that the machine turns into tables where it is used.

import type { Grammar, Node } from './grammar.js'

/** A place and the places to return to. One object for equal stacks. */
export class Stack {
  readonly above = new Map<number, Stack>()

  constructor(
    readonly id: number,
    readonly node: Node | null,
    readonly below: Stack | null,
  ) {}
}

/** What may come next. One object for equal sets of stacks. */
export class State {
  /** By byte; `undefined` where it was not asked for yet, `null` where the byte is refused. */
  readonly next: (State | null | undefined)[] = new Array(256)

  constructor(
    /** Stacks whose place reads a byte or a control token. */
    readonly stacks: readonly Stack[],
    /** The text may end here. */
    readonly ends: boolean,
    /** The callers that are not looked at may go on here. */
    readonly returns: boolean,
  ) {}
}

/** States that are remembered by content; more of them begin anew, which costs time and nothing else. */
const MAX_REMEMBERED = 20_000

/** Steps through one grammar. */
export class Machine {
  /** What the stacks of a whole text stand on. */
  readonly end = new Stack(0, null, null)
  /** What the stacks of one rule stand on when its callers are not looked at. */
  readonly unknown = new Stack(1, null, null)
  readonly start: State
  #stacks = 2
  readonly #states = new Map<string, State>()

  constructor(grammar: Grammar) {
    this.start = this.stateOf([[grammar.root.start, this.end]])
  }

  /** The stack of a place on another one. */
  push(node: Node, below: Stack): Stack {
    let stack = below.above.get(node.id)
    if (stack === undefined) {
      stack = new Stack(this.#stacks++, node, below)
      below.above.set(node.id, stack)
    }
    return stack
  }

  /** The state after a byte; `null` when it is refused. */
  step(state: State, byte: number): State | null {
    const known = state.next[byte]
    if (known !== undefined) return known
    const reached: [Node, Stack][] = []
    for (const { node, below } of state.stacks) {
      for (const { from, to, target } of node!.bytes) if (from <= byte && byte <= to) reached.push([target, below!])
    }
    const next = reached.length === 0 ? null : this.stateOf(reached)
    state.next[byte] = next
    return next
  }

  /** The state after a control token; `null` when it is refused. */
  stepToken(state: State, text: string): State | null {
    const reached: [Node, Stack][] = []
    for (const { node, below } of state.stacks) {
      for (const token of node!.tokens) if (token.text === text) reached.push([token.target, below!])
    }
    return reached.length === 0 ? null : this.stateOf(reached)
  }

  /** The state at some places: everything that can be had from them without reading. */
  stateOf(places: readonly (readonly [Node, Stack])[]): State {
    const seen = new Set<Stack>()
    const reading = new Set<Stack>()
    let ends = false
    let returns = false
    const waiting = places.map(([node, below]) => this.push(node, below))
    for (let stack = waiting.pop(); stack !== undefined; stack = waiting.pop()) {
      if (seen.has(stack)) continue
      seen.add(stack)
      const node = stack.node!
      const below = stack.below!
      if (node.bytes.length > 0 || node.tokens.length > 0) reading.add(stack)
      for (const target of node.skips) waiting.push(this.push(target, below))
      for (const { rule, target } of node.calls) waiting.push(this.push(rule.start, this.push(target, below)))
      if (!node.final) continue
      if (below === this.end) ends = true
      else if (below === this.unknown) returns = true
      else waiting.push(below)
    }
    const stacks = [...reading].sort((a, b) => a.id - b.id)
    const key = `${ends ? 'e' : ''}${returns ? 'r' : ''}${stacks.map(({ id }) => id).join()}`
    let state = this.#states.get(key)
    if (state === undefined) {
      if (this.#states.size >= MAX_REMEMBERED) {
        this.#states.clear()
        this.end.above.clear()
      }
      state = new State(stacks, ends, returns)
      this.#states.set(key, state)
    }
    return state
  }
}
