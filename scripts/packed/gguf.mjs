// Runs where only @fak/gguf and @fak/tensor are installed. Argument: a folder with a real GGUF file to read.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openGguf, parseGguf } from '@fak/gguf'
import { openGguf as openPath } from '@fak/gguf/node'
import { FakError, readRows } from '@fak/tensor'

const path = join(process.argv[2], 'fixtures', 'models', 'untied-r3', 'model.f32.gguf')
const bytes = new Uint8Array(readFileSync(path))
for (const file of [parseGguf(bytes), await openGguf(new Blob([bytes])), await openPath(path)]) {
  assert.equal(file.metadata.string('general.architecture'), 'qwen35')
  const norm = file.tensors.get('output_norm.weight')
  const row = await readRows(norm)
  assert.equal(row.length, norm.shape[0])
  assert.ok(row.every(Number.isFinite))
  await file.close()
}
assert.throws(
  () => parseGguf(bytes.subarray(0, 100)),
  (error) => FakError.isInstance(error),
)
