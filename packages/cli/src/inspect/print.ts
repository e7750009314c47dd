// An inspection for people: what matters first, the long tables last, lines of at most 100 columns.

import { KV_CACHE_TYPES } from '@fak/graph'
import { printable } from '../errors.js'
import { bytes, count, type Output, table } from '../output.js'
import type { Inspection } from './describe.js'

const COLUMNS = 100

/** What to leave out. */
export interface PrintOptions {
  /** Neither metadata nor tensors. */
  readonly summary: boolean
  /** Only tensors whose name matches. */
  readonly matches: (name: string) => boolean
}

/** Prints an inspection. */
export async function printInspection(inspection: Inspection, options: PrintOptions, output: Output): Promise<void> {
  const section = async (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return
    await output.line()
    await output.line(output.style('bold', title))
    for (const line of lines) await output.line(line)
  }
  const { file, format, size, metadata, model, trailingBytes } = inspection
  await output.line(output.style('bold', `${printable(file)}: ${format}, ${bytes(size)}`))
  for (const line of table(summaryOf(inspection))) await output.line(fit(line))
  if (trailingBytes > 0) await output.line(`${trailingBytes} bytes after the last tensor that nothing describes`)
  await section('Types', table(typesOf(inspection)))
  await section('Memory', table(memoryOf(inspection)))
  await section('Files', table(partsOf(inspection)))
  if (!options.summary) {
    const entries = Object.entries(metadata)
    await section('Metadata', table(entries.map(([key, value]) => [printable(key), brief(value)])).map(fit))
    await section('Tensors', tensorLines(inspection, options.matches))
  }
  await output.line()
  const verdict = `${model.runs ? 'runs here' : 'does not run here'}: ${printable(model.text)}`
  for (const line of wrap(verdict)) await output.line(line)
}

function summaryOf({ name, model, totals, tokenizer, chatTemplate }: Inspection): string[][] {
  const rows: string[][] = []
  if (name !== null) rows.push(['name', printable(name)])
  if (model.architecture !== null) rows.push(['architecture', printable(model.architecture)])
  const { parameters, contextLength } = model
  const active =
    parameters !== null && parameters.active < parameters.total ? `, ${count(parameters.active)} for a token` : ''
  rows.push([
    'tensors',
    `${totals.tensors} tensors, ${count(totals.parameters)} parameters${active}, ${bytes(totals.bytes)}`,
  ])
  if (contextLength !== null) rows.push(['context', `${contextLength} tokens`])
  if (model.draftHead !== null) rows.push(['draft head', model.draftHead ? 'yes (multi-token prediction)' : 'none'])
  if (tokenizer !== null) {
    const { model: kind, pre, tokens, merges, kinds, special } = tokenizer
    const names = [kind, pre].filter((text) => text !== null).map((text) => printable(text))
    const counts = [tokens === null ? [] : `${tokens} tokens`, merges === null ? [] : `${merges} merges`].flat()
    rows.push(['tokenizer', [...names, ...counts].join(', ')])
    const byKind = Object.entries(kinds ?? {}).map(
      ([name, n]) => `${n} ${name === 'userDefined' ? 'user-defined' : name}`,
    )
    if (byKind.length > 0) rows.push(['', byKind.join(', ')])
    const roles = Object.entries(special).map(
      ([role, { id, text }]) => `${role} ${id}${text === null ? '' : ` ${printable(text)}`}`,
    )
    if (roles.length > 0) rows.push(['', roles.join(', ')])
  }
  rows.push(['template', chatTemplate === null ? 'none' : `${chatTemplate} characters (--template prints it)`])
  return rows
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const typesOf = ({ types }: Inspection): (string | number)[][] =>
  types.map(({ dtype, tensors, parameters, bytes: size, share }) => [
    dtype,
    tensors,
    tensors === 1 ? 'tensor' : 'tensors',
    `${count(parameters)} parameters`,
    bytes(size),
    percent(share),
  ])

function memoryOf({ model: { memory }, kvCache: type }: Inspection): (string | number)[][] {
  if (memory.length === 0) return []
  const rows = memory.map(({ contextLength, weights, kvCache, recurrent, workspace, total }) => [
    contextLength,
    ...[weights, kvCache, recurrent, workspace, total].map(bytes),
  ])
  const others = KV_CACHE_TYPES.filter((other) => other !== type)
  const head = ['context', 'weights', `kv cache ${type}`, 'recurrent', 'workspace', 'in all']
  const alternatives = memory.map(({ total, kvCache, kvCaches }) =>
    others.map((other) => bytes(total - kvCache + kvCaches[other])),
  )
  const more = others.map((other) => `in all with ${other}`)
  return [[...head, ...more], ...rows.map((row, i) => [...row, ...alternatives[i]!])]
}

const partsOf = ({ parts }: Inspection): (string | number)[][] =>
  parts.map(({ name, size, tensors }) => [printable(name ?? '(no name)'), bytes(size), `${tensors} tensors`])

function tensorLines({ tensors }: Inspection, matches: (name: string) => boolean): string[] {
  const rows = tensors
    .filter(({ name }) => matches(name))
    .map(({ name, dtype, shape, offset, byteLength }) => [
      printable(name),
      dtype,
      `[${shape.join(', ')}]`,
      bytes(byteLength),
      `@ ${offset}`,
    ])
  const lines = table(rows)
  // Long names leave no room for offsets; --json has them.
  return lines.some(({ length }) => length > COLUMNS) ? table(rows.map((row) => row.slice(0, -1))) : lines
}

/** One line for a value. */
function brief(value: unknown): string {
  const cut = value as { items?: unknown[]; length: number; of: string } | null
  if (typeof value !== 'object' || cut?.items === undefined) return printable(JSON.stringify(value))
  return printable(`(${cut.length} of ${cut.of}) ${JSON.stringify(cut.items).slice(0, -1)}, …]`)
}

/** A line cut to the columns of a page. */
const fit = (line: string): string => (line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line)

/** Text in lines that fit, broken at spaces. */
function wrap(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = word
    } else line += line === '' ? word : ` ${word}`
  }
  return [...lines, line]
}
