// A conversation that outlives its process: saved with its state, restored in a new session, and nothing is computed twice.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { createSession, fingerprint, modelFingerprint, type Session } from '@fak/session'
import { openSavedSession, saveSession } from '@fak/session/node'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl))
const model = await loadQwen35(file, { metadata: file.metadata })
const program = model.program()
const prepared = await new NativeExecutor().prepare(program, model.weights)
const tokenizer = Tokenizer.fromGguf(file.metadata)
const source = file.metadata.string('tokenizer.chat_template')!
const template = ChatTemplate.parse(source)
// What the file is tied to: a state of another model is refused, and so are tokens of another tokenizer.
const identity = {
  model: await modelFingerprint(program, model.weights),
  tokenizer: await fingerprint([source, ...file.metadata.strings('tokenizer.ggml.tokens')!]),
}
// The state is kept where messages begin, for the template writes an old answer otherwise than one that is to come.
const [stopTokens, messageStart] = [[tokenizer.eosTokenId!], tokenizer.idOf('<|im_start|>')!]
const options = { tokenizer, stopTokens, messageStart, contextLength: 1024, identity }

type Message = { role: string; content: string }
async function ask(session: Session, messages: Message[], content: string): Promise<void> {
  messages.push({ role: 'user', content })
  for await (const event of session.generate(encodeChat(tokenizer, template, messages).ids, { maxTokens: 64 })) {
    if (event.type !== 'done') continue
    messages.push({ role: 'assistant', content: event.text })
    console.log(event.text, `(of ${event.promptTokens} prompt tokens ${event.cachedTokens} were there)`)
  }
}

const folder = await mkdtemp(join(tmpdir(), 'fak-'))
const path = join(folder, 'talk.fak')
const first = createSession(prepared, options)
const messages: Message[] = []
await ask(first, messages, 'What is the capital of France?')
await saveSession(first, path, { extra: { messages: new TextEncoder().encode(JSON.stringify(messages)) } })

const saved = await openSavedSession(path) // in another process, say
const second = createSession(prepared, options)
await second.restore(saved)
const remembered: Message[] = JSON.parse(new TextDecoder().decode(await saved.extra('messages')))
await saved.close()
await ask(second, remembered, 'And of Italy?')
await rm(folder, { recursive: true })
for (const part of [first, second, prepared]) await part.dispose()
await file.close()
