// A chat in a few lines: model, executor, session, template.
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { createSession } from '@fak/session'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl))
const model = await loadQwen35(file, { metadata: file.metadata })
const prepared = await new NativeExecutor().prepare(model.program(), model.weights)

const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
const stopTokens = [tokenizer.eosTokenId!]
const session = createSession(prepared, { tokenizer, stopTokens, contextLength: model.config.contextLength })

const messages = [{ role: 'user', content: 'What is the capital of France? Answer in one short sentence.' }]
const { ids } = encodeChat(tokenizer, template, messages)
for await (const event of session.generate(ids, { maxTokens: 64 })) {
  if (event.type === 'text') process.stdout.write(event.text)
}
process.stdout.write('\n')
await session.dispose()
await prepared.dispose()
await file.close()
