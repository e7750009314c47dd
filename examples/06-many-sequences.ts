// Several questions at once: their steps share passes over the weights, and each answer is the one it would be alone.
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { batchSteps, createSession } from '@fak/session'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl))
const model = await loadQwen35(file, { metadata: file.metadata })
const prepared = batchSteps(await new NativeExecutor().prepare(model.program(), model.weights, { maxTokens: 128 }))

const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
const stopTokens = [tokenizer.eosTokenId!]

async function ask(content: string): Promise<string> {
  await using session = createSession(prepared, { tokenizer, stopTokens, contextLength: model.config.contextLength })
  const { ids } = encodeChat(tokenizer, template, [{ role: 'user', content }])
  let text = ''
  for await (const event of session.generate(ids, { maxTokens: 64 })) {
    if (event.type === 'text') text += event.text
  }
  return text
}

const countries = ['France', 'Italy', 'Spain', 'Japan']
const answers = await Promise.all(
  countries.map((country) => ask(`What is the capital of ${country}? Answer in one short sentence.`)),
)
for (const answer of answers) console.log(answer.trim())
await prepared.dispose()
await file.close()
