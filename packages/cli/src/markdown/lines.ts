// What the lines of a Markdown text are, told from their beginnings as early as they allow. What is said of the beginning of a line holds for every
// line that begins so: that makes the result independent of the pieces that a text comes in.

/** What blocks stand in: a quotation, or an item of a list. */
export type Container = { readonly kind: 'quote' } | Item

/** An item of a list. */
export interface Item {
  readonly kind: 'item'
  /** Columns that a line must be indented by to belong to it. */
  readonly need: number
  /** Columns before its text. */
  readonly content: number
  /** `-`, `*`, `+`, or the number with what stands behind it. */
  readonly mark: string
  /** Of a task: whether it is done. */
  readonly task: boolean | null
}

/** What a line is, inside its containers. */
export type Block =
  | { readonly kind: 'blank' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'rule' }
  | { readonly kind: 'fence'; readonly mark: string; readonly indent: number; readonly label: string }
  | { readonly kind: 'row'; readonly text: string }
  | { readonly kind: 'indented'; readonly text: string }
  | { readonly kind: 'formula'; readonly text: string; readonly closing: string }

/** A line understood. */
export interface Read {
  /** How many of the open containers it stands in. */
  readonly matched: number
  /** Containers that begin with it. */
  readonly opened: readonly Container[]
  readonly block: Block
}

const RULE = /^ *([-*_])( *\1){2,} *$/
const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)/
const HEADING = /^ *(#{1,6})(?: +|$)/
const FENCE = /^( *)(`{3,}|~{3,}) *([^`]*)$/
const MAX_CONTAINERS = 16

/** Beginnings of lines that the next characters decide about. */
const UNDECIDED = [
  /^ *$/,
  /^ *([-*_])( *\1)* *$/,
  /^ *\+? *$/,
  /^ *\d{1,9}[.)]? *$/,
  /^ *#{1,6} *$/,
  /^ *(`|``|~|~~)$/,
  /^ *(```|~~~)/,
  /^ *\|/,
  /^ *(\\|\$)$/,
  /^ *(\\\[|\$\$)/,
]
const TASK = /^\[[ xX]?\]?$/

/**
 * Understands a line.
 *
 * @param open the containers that stand open
 * @param inText whether a paragraph is open in the innermost of them
 * @param complete whether the line ends here
 * @returns `null` when more of the line has to come first
 */
export function readLine(line: string, open: readonly Container[], inText: boolean, complete: boolean): Read | null {
  let rest = line
  let matched = 0
  for (const container of open) {
    const blank = rest.trim() === ''
    if (blank && !complete) return null
    if (container.kind === 'quote') {
      const mark = /^ *> ?/.exec(rest)?.[0]
      if (mark === undefined) break
      rest = rest.slice(mark.length)
      if (rest === '' && !complete) return null
    } else if (!blank) {
      const indent = indentOf(rest)
      if (indent < container.need) break
      rest = rest.slice(Math.min(indent, container.content))
    }
    matched++
  }
  const opened: Container[] = []
  for (;;) {
    if (!complete && UNDECIDED.some((pattern) => pattern.test(rest))) return null
    if (RULE.test(rest) || open.length + opened.length >= MAX_CONTAINERS) break
    const quote = /^ *> ?/.exec(rest)?.[0]
    if (quote !== undefined) {
      rest = rest.slice(quote.length)
      if (rest === '' && !complete) return null
      opened.push({ kind: 'quote' })
      continue
    }
    const found = ITEM.exec(rest)
    if (found === null) break
    const [whole, indent, mark, space] = found
    const number = Number.parseInt(mark!, 10)
    const middle = inText && matched === open.length && opened.length === 0
    // In the middle of a paragraph a number is a number, unless a list begins there.
    if (middle && ((number !== 1 && !Number.isNaN(number)) || rest.length === whole.length)) break
    rest = rest.slice(whole.length)
    if (!complete && TASK.test(rest)) return null
    const task = /^\[([ xX])\] +/.exec(rest)
    const content = indent!.length + mark!.length + Math.min(Math.max(space!.length, 1), 4)
    opened.push({ kind: 'item', need: indent!.length + 2, content, mark: mark!, task: task && task[1] !== ' ' })
    if (task !== null) rest = rest.slice(task[0].length)
  }
  const block = blockOf(rest, inText)
  return block.kind === 'indented' && !complete ? null : { matched, opened, block }
}

function blockOf(rest: string, inText: boolean): Block {
  if (rest.trim() === '') return { kind: 'blank' }
  if (RULE.test(rest)) return { kind: 'rule' }
  const heading = HEADING.exec(rest)
  if (heading !== null) return { kind: 'heading', level: heading[1]!.length, text: rest.slice(heading[0].length) }
  const fence = FENCE.exec(rest)
  if (fence !== null) return { kind: 'fence', indent: fence[1]!.length, mark: fence[2]!, label: fence[3]!.trim() }
  const text = rest.trimStart()
  if (text.startsWith('|')) return { kind: 'row', text }
  const closing = text.startsWith('\\[') ? '\\]' : text.startsWith('$$') ? '$$' : null
  if (closing !== null && !text.slice(2).includes(closing)) return { kind: 'formula', text, closing }
  if (indentOf(rest) >= 4 && !inText) return { kind: 'indented', text: rest.slice(4) }
  return { kind: 'text', text }
}

/** Spaces that a text begins with. */
export const indentOf = (text: string): number => text.length - text.trimStart().length
