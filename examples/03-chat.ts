// A chat in ten lines: file, model, executor, tokenizer, template, session; then a question, and its answer as it is made.
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { createSession } from '@fak/session'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl)) // or any .gguf
const model = await loadQwen35(file, { metadata: file.metadata })
const prepared = await new NativeExecutor().prepare(model.program(), model.weights)
const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
const session = createSession(prepared, { tokenizer, stopTokens: [tokenizer.eosTokenId!], contextLength: 1024 })
const { ids } = encodeChat(tokenizer, template, [{ role: 'user', content: 'What is the capital of France?' }])
for await (const event of session.generate(ids, { maxTokens: 64 })) {
  if (event.type === 'text') process.stdout.write(event.text)
}

await session.dispose() // three more free what the ten took
await prepared.dispose()
await file.close()
