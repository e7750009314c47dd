// Runs where only @fak/safetensors and @fak/tensor are installed. Argument: a folder with a real checkpoint to read.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSafetensors } from '@fak/safetensors'
import { openSafetensors } from '@fak/safetensors/node'
import { FakError, readRows } from '@fak/tensor'

const folder = join(process.argv[2], 'fixtures', 'models', 'untied-r3')
const bytes = new Uint8Array(readFileSync(join(folder, 'model.safetensors')))
for (const file of [parseSafetensors(bytes), await openSafetensors(folder)]) {
  const norm = file.tensors.get('model.norm.weight')
  const row = await readRows(norm)
  assert.equal(row.length, norm.shape[0])
  assert.ok(row.every(Number.isFinite))
  await file.close()
}
assert.throws(
  () => parseSafetensors(bytes.subarray(0, 100)),
  (error) => FakError.isInstance(error),
)
