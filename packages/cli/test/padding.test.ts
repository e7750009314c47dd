// Rows of the head that are no tokens never win, however large their logits are: neither those after the vocabulary nor its holes.

import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseGguf } from '@fak/gguf'
import { describe, expect, it } from 'vitest'
import { fak, fixture, scratchFolder } from './harness.js'

const folder = scratchFolder()
/** Columns of the head, and the ids that are made to win: padding, and one that is made a hole. */
const COLUMNS = 32
const PADDING = [305, 306]
const HOLES = [17, 18]

/** Two rows of the head a hundred times as large, one of them with its sign turned: one of the two leads at every position. */
function raise(head: Float32Array, [a, b]: readonly number[]) {
  for (let i = 0; i < COLUMNS; i++) {
    head[a! * COLUMNS + i] = 100 * head[i]!
    head[b! * COLUMNS + i] = -100 * head[i]!
  }
}

/** The fixture moe-r3 as a GGUF file in which padding or holes would win. */
function raisedGguf(name: string, ids: readonly number[]): string {
  const bytes = new Uint8Array(readFileSync(fixture('models/moe-r3/model.f32.gguf')))
  const { tensors, metadata } = parseGguf(bytes)
  const head = tensors.get('output.weight')!
  raise(new Float32Array(bytes.buffer, head.offset, head.byteLength / 4), ids)
  if (ids === HOLES) {
    // The list of token types, found by its content: 4 bytes each.
    const types = Buffer.from(Int32Array.from(metadata.numbers('tokenizer.ggml.token_type')!).buffer)
    const at = Buffer.from(bytes.buffer).indexOf(types)
    for (const id of ids) bytes[at + 4 * id] = 5
  }
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** The same as a checkpoint directory, whose tokenizer loses the ids. */
function raisedDirectory(name: string): string {
  const path = join(folder, name)
  cpSync(fixture('models/moe-r3'), path, { recursive: true })
  const file = join(path, 'model.safetensors')
  const bytes = new Uint8Array(readFileSync(file))
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  const [start, end] = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))['lm_head.weight']
    .data_offsets
  const head = new Float32Array(bytes.slice(8 + length + start, 8 + length + end).buffer)
  raise(head, PADDING)
  bytes.set(new Uint8Array(head.buffer), 8 + length + start)
  writeFileSync(file, bytes)
  return path
}

const ids = '1,2,3,40,50,60,7,8,9,200,100,5'

describe.each([
  ['padding of a GGUF file', () => raisedGguf('padding.gguf', PADDING), PADDING],
  ['padding of a checkpoint', () => raisedDirectory('padding'), PADDING],
  ['holes of a GGUF file', () => raisedGguf('holes.gguf', HOLES), HOLES],
])('%s', (_, make, raised) => {
  const model = make()

  it('leads the logits, and no list of leaders', async () => {
    const file = join(folder, 'logits.f32')
    const { stdout } = await fak(['eval', '-m', model, '--ids', ids, '--top', '400', '--logits', file, '--json'])
    const bytes = readFileSync(file)
    const logits = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
    const { top } = JSON.parse(stdout) as { top: { id: number; logprob: number }[][] }
    for (const [position, leaders] of top.entries()) {
      const row = logits.subarray(position * 320, (position + 1) * 320)
      expect(raised).toContain(row.indexOf(Math.max(...row)))
      const listed = leaders.filter(({ id }) => raised.includes(id))
      expect(listed).toEqual([])
      expect(leaders.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 5)
    }
  })
})
