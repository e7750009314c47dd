// fak inspect: what a model file contains, whether or not it can be run.

import { stat } from 'node:fs/promises'
import { GgufArray, type GgufValue } from '@fak/gguf'
import { openGguf } from '@fak/gguf/node'
import { openSafetensors } from '@fak/safetensors/node'
import { elementCount, FakError, type WeightSource } from '@fak/tensor'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { printable } from '../errors.js'
import { readConfig } from '../model/directory.js'
import { type Verdict, verdictOn } from '../model/verdict.js'
import { bytes, count, type Output, table } from '../output.js'

/** What a file says, in the form that `--json` prints. */
interface Inspection {
  readonly file: string
  readonly format: string
  readonly size: number
  readonly metadata: Readonly<Record<string, unknown>>
  readonly tensors: readonly {
    name: string
    dtype: string
    shape: readonly number[]
    offset: number
    byteLength: number
  }[]
  readonly totals: { tensors: number; parameters: number; bytes: number; byType: Record<string, number> }
  readonly trailingBytes: number
  readonly model: Verdict
}

/** Items of a metadata array that are shown. */
const SHOWN_ITEMS = 8
const SHOWN_CHARACTERS = 80

/** Makes the command. */
export function inspectCommand({ output }: CommandContext): Command {
  return new Command('inspect')
    .summary('metadata and tensors of a model file')
    .description('Show what a model file contains. Nothing is loaded; long arrays are cut.')
    .argument('<file>', 'a .gguf or .safetensors file, or a directory with safetensors')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExamples:\n  fak inspect model.gguf\n  fak inspect model.gguf --json | jq .totals')
    .action(async (file: string, options: { json?: boolean }) => {
      const inspection = await inspect(file)
      return options.json === true ? output.json(inspection) : print(inspection, output)
    })
}

async function inspect(file: string): Promise<Inspection> {
  const isDirectory = (await stat(file).catch(() => undefined))?.isDirectory() ?? false
  if (isDirectory || /\.(safetensors|index\.json)$/.test(file)) {
    const opened = await openSafetensors(file)
    const metadata = Object.fromEntries(opened.metadata)
    return closing(opened, async () => {
      const config = isDirectory ? await readConfig(file).catch(ifMissing) : undefined
      const model = await verdictOn(opened, config === undefined ? undefined : { config })
      return describe(file, 'safetensors', opened, { metadata, size: opened.size, trailingBytes: 0, model })
    })
  }
  const opened = await openGguf(file)
  const { size, trailingBytes } = opened
  const metadata = Object.fromEntries([...opened.metadata].map(([key, value]) => [key, plain(value)]))
  return closing(opened, async () => {
    const model = await verdictOn(opened, { metadata: opened.metadata })
    return describe(file, `GGUF v${opened.version}`, opened, { metadata, size, trailingBytes, model })
  })
}

async function closing<T>(opened: WeightSource, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } finally {
    await opened.close()
  }
}

function ifMissing(error: unknown): undefined {
  if (!FakError.isInstance(error, 'FILE_NOT_FOUND')) throw error
}

function describe(
  file: string,
  format: string,
  source: WeightSource,
  rest: Pick<Inspection, 'metadata' | 'size' | 'trailingBytes' | 'model'>,
): Inspection {
  const totals = { tensors: source.tensors.size, parameters: 0, bytes: 0, byType: {} as Record<string, number> }
  const tensors = [...source.tensors.values()].map(({ name, dtype, shape, offset, byteLength }) => {
    totals.parameters += elementCount(shape)
    totals.bytes += byteLength
    totals.byType[dtype] = (totals.byType[dtype] ?? 0) + byteLength
    return { name, dtype, shape, offset, byteLength }
  })
  return { file, format, ...rest, tensors, totals }
}

/** A metadata value as JSON has it: 64-bit integers beyond exact doubles as text, long arrays as their beginning and length. */
function plain(value: GgufValue): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (!(value instanceof GgufArray)) return value
  const items = Array.from(value.toArray() as ArrayLike<string | number | bigint | boolean>)
  if (items.length <= SHOWN_ITEMS) return items.map(plain)
  return { items: items.slice(0, SHOWN_ITEMS).map(plain), length: items.length, of: value.itemType }
}

async function print(inspection: Inspection, output: Output) {
  const { file, format, size, metadata, tensors, totals, trailingBytes, model } = inspection
  const title = (text: string) => output.line(output.style('bold', text))
  await title(`${printable(file)}: ${format}, ${bytes(size)}`)
  await output.line()
  await title('Metadata')
  for (const line of table(Object.entries(metadata).map(([key, value]) => [printable(key), brief(value)])))
    await output.line(line)
  await output.line()
  await title('Tensors')
  const rows = tensors.map(({ name, dtype, shape, byteLength }) => [
    printable(name),
    dtype,
    `[${shape.join(', ')}]`,
    bytes(byteLength),
  ])
  for (const line of table(rows)) await output.line(line)
  await output.line()
  const types = Object.entries(totals.byType).sort((a, b) => b[1] - a[1])
  const byType = types.map(([type, size]) => `${type} ${bytes(size)}`).join(', ')
  await output.line(
    `${totals.tensors} tensors, ${count(totals.parameters)} parameters, ${bytes(totals.bytes)}: ${byType}`,
  )
  await output.line(`${model.runs ? 'runs here' : 'does not run here'}: ${printable(model.text)}`)
  if (trailingBytes > 0) await output.line(`${trailingBytes} bytes after the last tensor that nothing describes`)
}

/** One line for a value, cut. */
function brief(value: unknown): string {
  const cutArray = value as { items?: unknown[]; length: number; of: string } | null
  const text =
    typeof value === 'object' && cutArray?.items !== undefined
      ? `${JSON.stringify(cutArray.items).slice(0, -1)}, …] (${cutArray.length} of ${cutArray.of})`
      : JSON.stringify(value)
  const line = printable(text)
  return line.length > SHOWN_CHARACTERS + 40 ? `${line.slice(0, SHOWN_CHARACTERS)}… (${line.length} characters)` : line
}
