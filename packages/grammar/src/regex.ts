// From a pattern to an automaton: Thompson's construction, then the construction of subsets, character ranges instead of characters.

import { FakError } from '@fak/tensor'
import { ALL, type CodePoints, intersection, type Range } from './code-points.js'
import { type Dfa, explore } from './dfa.js'
import { MAX_POSITIONS } from './limits.js'
import { type Pattern, parsePattern } from './regex-parser.js'

const ANYTHING: Pattern = { kind: 'repeat', part: { kind: 'characters', set: ALL }, min: 0, max: Infinity }

/** Texts that the pattern matches from beginning to end. @throws FakError as {@link parsePattern}, `GRAMMAR_TOO_LARGE` */
export function wholeMatches(source: string, options: { dotAll?: boolean } = {}): Dfa {
  return determinized(parsePattern(source, options))
}

/** Texts in which the pattern matches somewhere, as `RegExp.prototype.test` does. @throws FakError as {@link wholeMatches} */
export function partialMatches(source: string): Dfa {
  return determinized({ kind: 'sequence', parts: [ANYTHING, parsePattern(source), ANYTHING] })
}

/** A step of the non-deterministic automaton. */
type Step =
  | { readonly kind: 'characters'; readonly set: CodePoints; next: number }
  | { readonly kind: 'start' | 'end'; next: number }
  | { readonly kind: 'split'; readonly targets: number[] }
  | { readonly kind: 'accept' }

function determinized(pattern: Pattern): Dfa {
  const steps: Step[] = [{ kind: 'accept' }]
  const add = (step: Step): number => {
    if (steps.length >= MAX_POSITIONS) {
      const reason = `the pattern comes to more than ${MAX_POSITIONS} positions when its repetitions are written out`
      throw new FakError('GRAMMAR_TOO_LARGE', { reason, field: 'regex' })
    }
    return steps.push(step) - 1
  }
  /** Built from the end: `next` is what follows the part. */
  const build = (part: Pattern, next: number): number => {
    switch (part.kind) {
      case 'characters':
        return add({ kind: 'characters', set: part.set, next })
      case 'start':
      case 'end':
        return add({ kind: part.kind, next })
      case 'sequence':
        return part.parts.reduceRight((after, inner) => build(inner, after), next)
      case 'either':
        return add({ kind: 'split', targets: part.parts.map((inner) => build(inner, next)) })
      case 'repeat':
        return repeat(part, next)
    }
  }
  const repeat = ({ part, min, max }: Pattern & { kind: 'repeat' }, next: number): number => {
    let first = next
    if (max === Infinity) {
      const loop: Step = { kind: 'split', targets: [next] }
      first = add(loop)
      loop.targets.push(build(part, first))
    } else {
      for (let i = min; i < max; i++) first = add({ kind: 'split', targets: [next, build(part, first)] })
    }
    for (let i = 0; i < min; i++) first = build(part, first)
    return first
  }
  const start = build(pattern, 0)

  const closure = (from: readonly number[], through: { start: boolean; end: boolean }): number[] => {
    const seen = new Set<number>()
    const waiting = [...from]
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (seen.has(id)) continue
      seen.add(id)
      const step = steps[id]!
      if (step.kind === 'split') waiting.push(...step.targets)
      else if ((step.kind === 'start' && through.start) || (step.kind === 'end' && through.end)) waiting.push(step.next)
    }
    return [...seen].filter((id) => steps[id]!.kind !== 'split').sort((a, b) => a - b)
  }

  return explore<{ readonly ids: readonly number[]; readonly first: boolean }>(
    { ids: [start], first: true },
    ({ ids, first }) => `${first ? '^' : ''}${ids.join()}`,
    ({ ids, first }) => {
      // Behind `$` nothing may be read: what lies there counts for the end alone.
      const accepts = closure(ids, { start: first, end: true }).includes(0)
      const here = closure(ids, { start: first, end: false })
      const readers = here.map((id) => steps[id]!).filter((step) => step.kind === 'characters')
      const edges = apart(readers).map(
        ([set, targets]) => [set, { ids: closure(targets, { start: false, end: false }), first: false }] as const,
      )
      return { accepts, edges }
    },
  )
}

/** Cuts overlapping sets so that each character is in one; of each what its readers lead to. */
function apart(readers: readonly { set: CodePoints; next: number }[]): [CodePoints, number[]][] {
  const cuts = [...new Set(readers.flatMap(({ set }) => set.flatMap(([from, to]) => [from, to + 1])))].sort(
    (a, b) => a - b,
  )
  const places = readers.map(() => 0)
  const groups = new Map<string, { ranges: Range[]; targets: number[] }>()
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = [cuts[i]!, cuts[i + 1]! - 1]
    const targets = new Set<number>()
    for (const [r, { set, next }] of readers.entries()) {
      while (places[r]! < set.length && set[places[r]!]![1] < from) places[r]!++
      const range = set[places[r]!]
      if (range !== undefined && range[0] <= from) targets.add(next)
    }
    if (targets.size === 0) continue
    const sorted = [...targets].sort((a, b) => a - b)
    const key = sorted.join()
    const group = groups.get(key) ?? { ranges: [], targets: sorted }
    group.ranges.push([from, to])
    groups.set(key, group)
  }
  return [...groups.values()].map(({ ranges, targets }) => [intersection(ranges, ALL), targets])
}
