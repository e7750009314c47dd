// Runs where only @fak/tokenizer and @fak/tensor are installed. Argument: a folder with a real tokenizer.json to read.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakError } from '@fak/tensor'
import { Tokenizer } from '@fak/tokenizer'

const json = new Uint8Array(readFileSync(join(process.argv[2], 'fixtures', 'tokenizer', 'tokenizer.json')))
const tokenizer = Tokenizer.fromJson(json)
for (const text of [
  'Paris is the capital of France.',
  "don't   stop\n\n12345",
  'naïve 数学 नमस्ते 👩‍👩‍👧',
  '<|im_end|>',
]) {
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text.normalize('NFC'))
}
assert.deepEqual([...tokenizer.encode('<|im_end|>', { special: 'all' })], [tokenizer.idOf('<|im_end|>')])
assert.throws(
  () => Tokenizer.fromJson('{'),
  (error) => FakError.isInstance(error),
)
