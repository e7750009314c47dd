// An answer that your program can read: the tokens are held to a JSON schema while the model speaks.
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { jsonSchemaGrammar, TokenGrammar, TokenTable } from '@fak/grammar'
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

const city = { type: 'string', pattern: '^[A-Z][a-z]{2,11}$' }
const schema = { type: 'object', properties: { city, sure: { type: 'boolean' } }, required: ['city', 'sure'] }
const grammar = new TokenGrammar(jsonSchemaGrammar(schema), new TokenTable(tokenizer))

const messages = [{ role: 'user', content: 'What is the capital of France? Answer in one short sentence.' }]
const prompt = encodeChat(tokenizer, template, messages, { enableThinking: true })
// Thinking goes first, here for at most 16 tokens; `after` is what the template writes behind it.
const end = tokenizer.idOf('</think>')!
const reasoning = { end, before: tokenizer.encode('\n'), after: tokenizer.encode('\n\n'), budget: 16 }
for await (const event of session.generate(prompt.ids, { grammar, reasoning, maxTokens: 200 })) {
  if (event.type !== 'done') continue
  const answer = JSON.parse(event.text.slice(event.text.indexOf('</think>') + 8))
  console.log(event.finishReason, event.thought?.tokens, answer)
}
await session.dispose()
await prepared.dispose()
await file.close()
