// Checkpoints and the official results for them: fixtures/conversions, which fixtures/scripts/make_conversions.py wrote.

import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseGguf } from '@fak/gguf'
import { writeSafetensorsFile } from '@fak/safetensors/node'
import { type DType, elementCount, quantize } from '@fak/tensor'

export const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url))
const folder = join(fixtures, 'conversions')

/** What the official tools made. */
export interface Official {
  readonly header: string
  readonly bytes: number
  readonly tensors: Readonly<Record<string, readonly [type: string, sha256: string]>>
  readonly ssm_a: Readonly<Record<string, string>>
}

/** A checkpoint, as the fixture describes it. */
interface Described {
  readonly fixture?: string
  readonly config?: object
  readonly generationConfig?: object
  readonly tokenizerConfig?: object
  readonly card?: string
  readonly template?: string
  readonly tensors?: Readonly<Record<string, readonly [dtype: DType, shape: number[], file: string]>>
  readonly results: Readonly<Record<string, Official>>
}

/** Names of the checkpoints. */
export const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'birth.json')
  .map((name) => name.slice(0, -'.json'.length))

export const described = (name: string): Described => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))

/** The directory of a checkpoint: a fixture's own, or one that is written below `scratch`. */
export async function checkpoint(name: string, scratch: string): Promise<string> {
  const { fixture, config, generationConfig, tokenizerConfig, card, template, tensors } = described(name)
  if (fixture !== undefined) return join(fixtures, 'models', fixture)
  const directory = join(scratch, name)
  mkdirSync(directory, { recursive: true })
  copyFileSync(join(fixtures, 'models/tied/tokenizer.json'), join(directory, 'tokenizer.json'))
  const json = { config, generation_config: generationConfig, tokenizer_config: tokenizerConfig }
  for (const [file, content] of Object.entries(json)) {
    if (content !== undefined) writeFileSync(join(directory, `${file}.json`), JSON.stringify(content))
  }
  if (card !== undefined) writeFileSync(join(directory, 'README.md'), card)
  if (template !== undefined) writeFileSync(join(directory, 'chat_template.jinja'), template)
  const all = Object.entries(tensors!)
  const files = new Set(all.map(([, [, , file]]) => file))
  for (const file of files) {
    const own = all.filter(([, [, , at]]) => at === file)
    const content = own.map(([tensor, [dtype, shape]]) => {
      return { name: tensor, dtype, shape, data: quantize(dtype, values(tensor, dtype, elementCount(shape))) }
    })
    await writeSafetensorsFile(join(directory, file), { tensors: content, metadata: [['format', 'pt']] })
  }
  if (files.size > 1) {
    const weight_map = Object.fromEntries(all.map(([tensor, [, , file]]) => [tensor, file]))
    writeFileSync(join(directory, 'model.safetensors.index.json'), JSON.stringify({ weight_map }))
  }
  return directory
}

/** `values` of the script, number for number. */
function values(name: string, dtype: DType, count: number): Float32Array {
  let seed = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193)
  const scale = name.endsWith('A_log') ? 2 ** -8 : 2 ** -13
  return Float32Array.from({ length: count }, (_, i) => {
    const a = mixed(Math.imul(i, 0x9e3779b1) + seed)
    const b = mixed(a ^ 0x5bd1e995)
    let total = (a & 255) + ((a >>> 8) & 255) + ((a >>> 16) & 255) + (a >>> 24) - 510
    if (dtype === 'BF16') total = (total >> 2) << 2
    if (dtype === 'F32') total += ((b >>> 8) & 1023) / 1024
    return total * ((b & 63) === 0 ? 8 : 1) * scale
  })
}

function mixed(bits: number): number {
  let x = bits
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/**
 * What differs from the official file: names of tensors, `header`, `length`. An `ssm_a` may differ in the last bit of a value: the
 * exponential is correctly rounded here, while the converter's torch calls a vector library that misses one of a hundred.
 */
export function differences(file: Uint8Array, official: Official): string[] {
  const { tensors, dataOffset } = parseGguf(file)
  const found = file.length === official.bytes ? [] : ['length']
  if (sha256(file.subarray(0, dataOffset)) !== official.header) found.push('header')
  if ([...tensors.keys()].join() !== Object.keys(official.tensors).join()) found.push('names')
  for (const { name, dtype, offset, byteLength } of tensors.values()) {
    const [type, hash] = official.tensors[name] ?? []
    const bytes = file.subarray(offset, offset + byteLength)
    const exponential = official.ssm_a[name]
    if (type !== dtype) found.push(`${name} is ${dtype}, not ${type}`)
    else if (sha256(bytes).slice(0, 32) !== hash && !nearly(bytes, exponential)) found.push(name)
  }
  return found
}

function nearly(bytes: Uint8Array, hex: string | undefined): boolean {
  if (hex === undefined) return false
  const [a, b] = [Buffer.from(bytes), Buffer.from(hex, 'hex')]
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at += 4) if (Math.abs(a.readInt32LE(at) - b.readInt32LE(at)) > 1) return false
  return true
}
