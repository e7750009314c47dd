// Grammars over bytes and control tokens: rules that call each other, each a small automaton. They know no vocabulary.

import { FakError } from '@fak/tensor'
import { type CodePoints, utf8Sequences } from './code-points.js'
import type { Dfa } from './dfa.js'
import { MAX_NODES } from './limits.js'

/** A place in a rule. */
export interface Node {
  readonly id: number
  /** Which nodes look alike to every token: see {@link Grammar.alike}. Its own id where nothing is known. */
  alike: number
  /** Part of one character: what can come depends on the place to which it returns. */
  readonly insideCharacter: boolean
  /** Bytes, both included, and where they lead. */
  readonly bytes: { readonly from: number; readonly to: number; readonly target: Node }[]
  /** Control tokens by their text. */
  readonly tokens: { readonly text: string; readonly target: Node }[]
  /** Nothing is read. */
  readonly skips: Node[]
  readonly calls: { readonly rule: Rule; readonly target: Node }[]
  /** The rule may end here. */
  final: boolean
}

/** A part of a grammar that can be called from several places, itself included. */
export interface Rule {
  readonly start: Node
}

/** How {@link GrammarBuilder.automaton} writes what it reads. */
interface AutomatonOptions {
  readonly closing?: string
  readonly spell?: (set: CodePoints) => Rule
}

/** Writes rules. */
export class GrammarBuilder {
  readonly nodes: Node[] = []
  /** Automata over characters with the nodes that stand for their states. */
  readonly automata: { readonly dfa: Dfa; readonly nodes: readonly Node[] }[] = []
  readonly #named = new Map<string, Rule>()
  readonly #automata = new Map<string, Rule>()

  node(insideCharacter = false): Node {
    const id = this.nodes.length
    if (id >= MAX_NODES) {
      throw new FakError('GRAMMAR_TOO_LARGE', { reason: `the grammar needs more than ${MAX_NODES} nodes` })
    }
    const made: Node = { id, alike: id, insideCharacter, bytes: [], tokens: [], skips: [], calls: [], final: false }
    this.nodes.push(made)
    return made
  }

  rule(): Rule {
    return { start: this.node() }
  }

  /** Reads exactly these texts, or one of them; common beginnings are shared. Returns where it ends. */
  texts(from: Node, texts: readonly string[], to = this.node()): Node {
    const encoder = new TextEncoder()
    const places = new Map<string, Node>([['', from]])
    for (const text of new Set(texts)) {
      let key = ''
      let at = from
      for (const byte of encoder.encode(text)) {
        key += String.fromCharCode(byte)
        let next = places.get(key)
        if (next === undefined) {
          next = this.node()
          places.set(key, next)
          at.bytes.push({ from: byte, to: byte, target: next })
        }
        at = next
      }
      at.skips.push(to)
    }
    return to
  }

  /** Reads a control token. */
  token(from: Node, text: string, to = this.node()): Node {
    from.tokens.push({ text, target: to })
    return to
  }

  call(from: Node, rule: Rule, to = this.node()): Node {
    from.calls.push({ rule, target: to })
    return to
  }

  /**
   * A rule that reads what an automaton over characters allows.
   *
   * @param closing what stands behind the text. It belongs to the rule, so that most of what may follow inside the text does not depend on
   * what follows the rule.
   * @param spell how a set of characters is written. Default: as UTF-8.
   */
  automaton(name: string, dfa: Dfa, { closing = '', spell = (set) => this.utf8(set) }: AutomatonOptions = {}): Rule {
    const known = this.#automata.get(name)
    if (known !== undefined) return known
    const nodes = dfa.map(() => this.node())
    this.automata.push({ dfa, nodes })
    const close = this.node()
    this.texts(close, [closing]).final = true
    for (const [id, { accepts, edges }] of dfa.entries()) {
      if (accepts) nodes[id]!.skips.push(close)
      const byTarget = new Map<number, [number, number][]>()
      for (const { from, to, target } of edges) byTarget.set(target, [...(byTarget.get(target) ?? []), [from, to]])
      for (const [target, set] of byTarget) this.call(nodes[id]!, spell(set), nodes[target]!)
    }
    const rule = { start: nodes[0] ?? this.node() }
    this.#automata.set(name, rule)
    return rule
  }

  /** A rule that is written once for all uses of its name. */
  named(name: string, write: (from: Node, to: Node) => void, insideCharacter = false): Rule {
    let rule = this.#named.get(name)
    if (rule === undefined) {
      rule = { start: this.node(insideCharacter) }
      this.#named.set(name, rule)
      const end = this.node(insideCharacter)
      end.final = true
      write(rule.start, end)
    }
    return rule
  }

  /** {@link named} for a rule that reads one character. */
  character(name: string, write: (from: Node, to: Node) => void): Rule {
    return this.named(name, write, true)
  }

  /** One character of a set, in UTF-8. */
  utf8(set: CodePoints): Rule {
    return this.character(`utf8 ${set.join(';')}`, (from, to) => this.sequences(from, to, utf8Sequences(set)))
  }

  /** Bytes one after another, each out of any of its ranges, for the inside of a character. */
  steps(from: Node, to: Node, lists: readonly (readonly (readonly [number, number])[])[]): void {
    let at = from
    for (const [i, ranges] of lists.entries()) {
      const next = i === lists.length - 1 ? to : this.node(true)
      for (const [low, high] of ranges) at.bytes.push({ from: low, to: high, target: next })
      at = next
    }
  }

  /** Alternative sequences of byte ranges, for the inside of a character. */
  sequences(from: Node, to: Node, sequences: readonly (readonly (readonly [number, number])[])[]): void {
    // By what is still to come, so that sequences share their ends.
    const known = new Map<string, Node>()
    for (const sequence of sequences) {
      let next = to
      let key = ''
      for (let i = sequence.length - 1; i >= 0; i--) {
        const [low, high] = sequence[i]!
        key = `${low}-${high} ${key}`
        let at = i === 0 ? from : known.get(key)
        const isNew = at === undefined
        at ??= this.node(true)
        if (isNew) known.set(key, at)
        if (i === 0 || isNew) at.bytes.push({ from: low, to: high, target: next })
        next = at
      }
    }
  }

  /** The finished grammar. @throws FakError `GRAMMAR_EMPTY` when nothing fits it */
  finish(root: Rule): Grammar {
    keepProductive(this.nodes, root)
    const controlTokens = new Set(this.nodes.flatMap(({ tokens }) => tokens.map(({ text }) => text)))
    return new Grammar(root, this.nodes.length, controlTokens, this.automata)
  }
}

/** What a text must look like. Immutable but for what is computed once per vocabulary. */
export class Grammar {
  #alikeUpTo = 0

  /** @internal */
  constructor(
    /** @internal */
    readonly root: Rule,
    /** How many places it has. */
    readonly size: number,
    /** The control tokens that it names. */
    readonly controlTokens: ReadonlySet<string>,
    private readonly automata: GrammarBuilder['automata'],
  ) {}

  /**
   * Marks states of long automata alike that no text of up to `length` characters tells apart, so that masks are made once for all of them.
   * Moore's partition of states, stopped after `length` rounds.
   *
   * @internal
   */
  alike(length: number): void {
    if (length <= this.#alikeUpTo) return
    this.#alikeUpTo = length
    for (const { dfa, nodes } of this.automata) {
      if (dfa.length < length) continue
      let classes = dfa.map(({ accepts }): number => (accepts ? 1 : 0))
      for (let round = 0; round < length; round++) {
        const known = new Map<number, number>()
        const pair = (a: number, b: number) => {
          const key = a * 2 ** 22 + b
          const id = known.get(key) ?? known.size
          known.set(key, id)
          return id
        }
        classes = dfa.map(({ edges }, id) => {
          let sum = pair(2 ** 22 - 1, classes[id]!)
          for (const { from, to, target } of edges) sum = pair(pair(pair(sum, from), to), classes[target]!)
          return sum
        })
      }
      const first = new Map<number, number>()
      for (const [id, name] of classes.entries()) {
        if (!first.has(name)) first.set(name, nodes[id]!.id)
        nodes[id]!.alike = first.get(name)!
      }
    }
  }
}

/** Takes out what can never come to an end, so that no beginning of a text leads nowhere. */
function keepProductive(nodes: readonly Node[], root: Rule): void {
  const productive = new Uint8Array(nodes.length)
  const users: Node[][] = nodes.map(() => [])
  const callers = new Map<Node, { node: Node; target: Node }[]>()
  for (const node of nodes) {
    for (const { target } of node.bytes) users[target.id]!.push(node)
    for (const { target } of node.tokens) users[target.id]!.push(node)
    for (const target of node.skips) users[target.id]!.push(node)
    for (const { rule, target } of node.calls) {
      callers.set(rule.start, [...(callers.get(rule.start) ?? []), { node, target }])
      users[target.id]!.push(node)
    }
  }
  const isProductive = (node: Node) =>
    node.final ||
    node.bytes.some(({ target }) => productive[target.id] === 1) ||
    node.tokens.some(({ target }) => productive[target.id] === 1) ||
    node.skips.some((target) => productive[target.id] === 1) ||
    node.calls.some(({ rule, target }) => productive[rule.start.id] === 1 && productive[target.id] === 1)
  const waiting = nodes.filter(({ final }) => final)
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (productive[node.id] === 1 || !isProductive(node)) continue
    productive[node.id] = 1
    waiting.push(...users[node.id]!, ...(callers.get(node) ?? []).map((caller) => caller.node))
  }
  if (productive[root.start.id] !== 1) {
    throw new FakError('GRAMMAR_EMPTY', { reason: 'no finite text fits the constraint' })
  }
  const alive = (node: Node) => productive[node.id] === 1
  for (const node of nodes) {
    retain(node.bytes, ({ target }) => alive(target))
    retain(node.tokens, ({ target }) => alive(target))
    retain(node.skips, alive)
    retain(node.calls, ({ rule, target }) => alive(rule.start) && alive(target))
  }
}

function retain<T>(list: T[], keep: (item: T) => boolean): void {
  let count = 0
  for (const item of list) if (keep(item)) list[count++] = item
  list.length = count
}
