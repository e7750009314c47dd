// Deterministic automata over code points: what a pattern, a length or a range of numbers allows, so that several can hold at once.

import { FakError } from '@fak/tensor'
import { ALL, type CodePoints, complement, intersection, type Range } from './code-points.js'
import { MAX_STATES } from './limits.js'

/** One state: the characters that may come, and whether the text may end. */
export interface DfaState {
  readonly accepts: boolean
  /** In ascending order, without overlaps; a character that is in none is refused. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly target: number }[]
}

/** State 0 is where a text begins. Every state can reach one that accepts; no states at all: nothing is allowed. */
export type Dfa = readonly DfaState[]

/** A state to be explored. */
export interface Explored<S> {
  readonly accepts: boolean
  readonly edges: readonly (readonly [characters: CodePoints, target: S])[]
}

/**
 * The automaton of everything that can be reached from `start`. Edges of one state must not overlap.
 *
 * @param key tells states apart
 * @throws FakError `GRAMMAR_TOO_LARGE`
 */
export function explore<S>(start: S, key: (state: S) => string, expand: (state: S) => Explored<S>): Dfa {
  const ids = new Map<string, number>()
  const found: S[] = []
  const idOf = (state: S) => {
    const name = key(state)
    let id = ids.get(name)
    if (id === undefined) {
      id = found.push(state) - 1
      ids.set(name, id)
      if (id >= MAX_STATES) throw tooLarge()
    }
    return id
  }
  idOf(start)
  const states: DfaState[] = []
  for (let id = 0; id < found.length; id++) {
    const { accepts, edges } = expand(found[id]!)
    const all = edges.flatMap(([characters, target]) => {
      const to = idOf(target)
      return characters.map((range) => ({ from: range[0], to: range[1], target: to }))
    })
    states.push({ accepts, edges: joined(all.sort((a, b) => a.from - b.from)) })
  }
  return pruned(states)
}

/** Ranges side by side that lead to one state are one. */
function joined(edges: { from: number; to: number; target: number }[]): DfaState['edges'] {
  const merged: { from: number; to: number; target: number }[] = []
  for (const edge of edges) {
    const last = merged.at(-1)
    if (last !== undefined && last.target === edge.target && last.to + 1 === edge.from) last.to = edge.to
    else merged.push({ ...edge })
  }
  return merged
}

/** Without states from which no end can be reached. */
function pruned(states: readonly DfaState[]): Dfa {
  const before: number[][] = states.map(() => [])
  for (const [id, { edges }] of states.entries()) for (const { target } of edges) before[target]!.push(id)
  const alive = new Uint8Array(states.length)
  const waiting = states.flatMap(({ accepts }, id) => (accepts ? [id] : []))
  for (const id of waiting) alive[id] = 1
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const source of before[id]!) {
      if (alive[source] === 1) continue
      alive[source] = 1
      waiting.push(source)
    }
  }
  if (alive[0] !== 1) return []
  const renamed = new Int32Array(states.length)
  let count = 0
  for (let id = 0; id < states.length; id++) renamed[id] = alive[id] === 1 ? count++ : -1
  return states
    .filter((_, id) => alive[id] === 1)
    .map(({ accepts, edges }) => ({
      accepts,
      edges: edges
        .filter(({ target }) => alive[target] === 1)
        .map(({ from, to, target }) => ({ from, to, target: renamed[target]! })),
    }))
}

/** What both allow. */
export function both(a: Dfa, b: Dfa): Dfa {
  if (a.length === 0 || b.length === 0) return []
  return explore<readonly [number, number]>(
    [0, 0],
    ([x, y]) => `${x},${y}`,
    ([x, y]) => ({
      accepts: a[x]!.accepts && b[y]!.accepts,
      edges: a[x]!.edges.flatMap((left) =>
        b[y]!.edges.flatMap((right): [CodePoints, [number, number]][] => {
          const from = Math.max(left.from, right.from)
          const to = Math.min(left.to, right.to)
          return from <= to ? [[[[from, to]], [left.target, right.target]]] : []
        }),
      ),
    }),
  )
}

/** Every text that `dfa` does not allow. */
export function not(dfa: Dfa): Dfa {
  const SINK = -1
  return explore<number>(dfa.length === 0 ? SINK : 0, String, (id) => {
    const edges = id === SINK ? [] : dfa[id]!.edges
    const taken = edges.map(({ from, to }): Range => [from, to])
    return {
      accepts: id === SINK || !dfa[id]!.accepts,
      edges: [
        ...edges.map(({ from, to, target }) => [[[from, to]] as CodePoints, target] as const),
        [complement(taken), SINK] as const,
      ],
    }
  })
}

/** Texts of `min` to `max` characters. */
export function lengths(min: number, max: number): Dfa {
  if (min > max) return []
  const last = max === Infinity ? min : max
  return explore<number>(0, String, (count) => ({
    accepts: count >= min,
    edges: count < last ? [[ALL, count + 1]] : max === Infinity ? [[ALL, count]] : [],
  }))
}

/** These texts and no others. */
export function oneOfTexts(texts: readonly string[]): Dfa {
  const all = [...new Set(texts)]
  if (all.length === 0) return []
  return explore<string>(
    '',
    (prefix) => prefix,
    (prefix) => {
      const next = new Set(
        all
          .filter((text) => text.length > prefix.length && text.startsWith(prefix))
          .map((text) => characterAt(text, prefix.length)),
      )
      return {
        accepts: all.includes(prefix),
        edges: [...next].map((character) => {
          const point = character.codePointAt(0)!
          return [intersection([[point, point]], ALL), prefix + character] as const
        }),
      }
    },
  )
}

const characterAt = (text: string, at: number) => String.fromCodePoint(text.codePointAt(at)!)

/** Whether the automaton allows the text. */
export function allows(dfa: Dfa, text: string): boolean {
  if (dfa.length === 0) return false
  let id = 0
  for (const character of text) {
    const point = character.codePointAt(0)!
    const edge = dfa[id]!.edges.find(({ from, to }) => from <= point && point <= to)
    if (edge === undefined) return false
    id = edge.target
  }
  return dfa[id]!.accepts
}

/** The refusal of a grammar that would take too much memory. */
export function tooLarge(): FakError {
  return new FakError('GRAMMAR_TOO_LARGE', { reason: `the grammar needs more than ${MAX_STATES} states` })
}
