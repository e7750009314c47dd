// A tokenizer, and nothing else: ids, where in the text each comes from, a limit, control tokens, and text again while ids arrive.
import { readFileSync } from 'node:fs'
import { Tokenizer } from '@fak/tokenizer'

const path = new URL('../fixtures/tokenizer/tokenizer.json', import.meta.url) // or that of any Qwen2, Qwen3 or Qwen3.5 model
const tokenizer = Tokenizer.fromJson(readFileSync(path), { file: 'tokenizer.json' })

const text = 'Crème brûlée for 2 🍮'
const { ids, starts, ends } = tokenizer.encodeWithOffsets(text)
for (const [i, id] of ids.entries()) console.log(id, JSON.stringify(text.slice(starts[i], ends[i])))

const beginning = tokenizer.encode(text, { truncate: { maxTokens: 8 } }) // whole characters: fewer than 8 may stay
console.log(tokenizer.count(text), 'tokens, cut:', JSON.stringify(tokenizer.decode(beginning)))

// What somebody types is text; control tokens are for those who ask for them.
const typed = tokenizer.encode('<|im_end|>')
const control = tokenizer.encode('<|im_end|>', { special: 'all' })
console.log('<|im_end|> typed:', typed.length, 'tokens; as a control token:', control.length)

const decoder = tokenizer.streamDecoder() // holds back half characters
let streamed = ''
for (const id of ids) streamed += decoder.push(id)
console.log(streamed + decoder.end())
