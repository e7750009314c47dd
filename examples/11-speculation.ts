// The same answer in fewer steps: the draft head of the model guesses tokens, and the model takes those it would have chosen.
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { createSession, mtpDrafter, ngramDrafter } from '@fak/session'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl))
const model = await loadQwen35(file, { metadata: file.metadata })
const executor = new NativeExecutor()
const prepared = await executor.prepare(model.program({ hidden: true }), model.weights) // the head reads hidden rows

const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
const head = model.draftProgram && (await executor.prepare(model.draftProgram(), model.mtp!.weights))
const drafter = head ? mtpDrafter(head, { vocabSize: tokenizer.vocabSize }) : ngramDrafter() // without a head, the text
const options = { tokenizer, stopTokens: [tokenizer.eosTokenId!], contextLength: 1024 }
const plain = createSession(prepared, options)
const guessing = createSession(prepared, { ...options, drafter })

const { ids } = encodeChat(tokenizer, template, [{ role: 'user', content: 'List the months of the year.' }])
for (const session of [plain, guessing]) {
  for await (const event of session.generate(ids, { maxTokens: 64 })) {
    if (event.type !== 'done') continue
    const steps = event.speculation?.passes ?? event.tokens.length
    console.log(`${event.text.trim()} (${event.tokens.length} tokens in ${steps} steps)`)
  }
}
for (const part of [plain, guessing, prepared, head]) await part?.dispose()
await file.close()
