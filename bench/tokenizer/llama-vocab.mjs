// llama.cpp's own vocabularies and test strings, whole:
//
//   node bench/tokenizer/llama-vocab.mjs LLAMA_CPP/models/ggml-vocab-qwen2.gguf LLAMA_CPP/models/ggml-vocab-qwen35.gguf
//
// Beside each file lie FILE.inp (strings) and FILE.out (ids); fixtures/README.md says where they come from. llama.cpp does not
// normalize, so its ids are compared with `normalize: 'none'`; the strings that get other ids under NFC are listed.
// Needs the built packages. Exit status 1 when any ids differ.

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { openGguf } from '../../packages/gguf/dist/node.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'

const paths = process.argv.slice(2)
if (paths.length === 0) {
  console.error('usage: node bench/tokenizer/llama-vocab.mjs VOCABULARY.gguf...')
  process.exit(2)
}
let wrong = 0
for (const path of paths) {
  const file = await openGguf(path)
  const plain = Tokenizer.fromGguf(file.metadata, { file: path, normalize: 'none' })
  const normalizing = Tokenizer.fromGguf(file.metadata, { file: path })
  await file.close()
  const texts = readFileSync(`${path}.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1)
  const lines = readFileSync(`${path}.out`, 'utf8').split('\n')
  const normalized = []
  for (const [i, text] of texts.entries()) {
    const wanted = lines[i].trim().split(/\s+/).filter(Boolean).join(' ')
    if (plain.encode(text).join(' ') !== wanted) {
      wrong++
      console.error(`${basename(path)}: ${JSON.stringify(text)}: ${plain.encode(text).join(' ')}, llama.cpp ${wanted}`)
    }
    if (normalizing.encode(text).join(' ') !== wanted) normalized.push(text)
  }
  console.log(`${basename(path)}: ${texts.length} strings, ${plain.vocabSize} ids; others under NFC:`, normalized)
}
console.log(`${wrong} strings with other ids`)
process.exit(wrong === 0 ? 0 : 1)
