// A GGUF file and its tokenizer, and nothing else: no engine, no native code, no other dependency.
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { readRows } from '@fak/tensor'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl)) // or any .gguf
console.log(file.metadata.string('general.architecture'), file.tensors.size, 'tensors')

const table = file.tensors.get('token_embd.weight')!
const row = await readRows(table, { start: 42, end: 43 }) // one row of a quantized matrix, as a Float32Array
console.log(table.dtype, table.shape, row.subarray(0, 4))

const tokenizer = Tokenizer.fromGguf(file.metadata)
const ids = tokenizer.encode('Paris is the capital of France.')
console.log(ids, tokenizer.decode(ids))
await file.close()
