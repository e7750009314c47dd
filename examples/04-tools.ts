// Tools: offered in the prompt, called in the output, answered in the next prompt. The demo model is too small to call any, so what a
// larger one would say is written out here; in a program it is `session.generate(ids)` of example 3.
import { fileURLToPath } from 'node:url'
import {
  type ChatEvent,
  type ChatMessage,
  ChatTemplate,
  type ChatTool,
  chatReply,
  encodeChat,
  parseChat,
} from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { Tokenizer } from '@fak/tokenizer'

const file = await openGguf(fileURLToPath(demoModelUrl))
const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
await file.close()

const days = { type: 'integer', description: 'How many days ahead' }
const parameters = { type: 'object', properties: { city: { type: 'string' }, days }, required: ['city'] }
const tools: ChatTool[] = [{ type: 'function', function: { name: 'forecast', parameters } }]
const messages: ChatMessage[] = [{ role: 'user', content: 'Will it rain in Zürich tomorrow?' }]
const { reasoningOpen } = encodeChat(tokenizer, template, messages, { tools })

const said = [
  'I will look.\n\n<tool_',
  'call>\n<function=forecast>\n<parameter=city>\nZü',
  'rich\n</parameter>\n<parameter=days>\n1',
  '\n</parameter>\n</function>\n</tool_call>',
]
const events: ChatEvent[] = []
for await (const event of parseChat(said, { tools, open: reasoningOpen })) {
  events.push(event)
  if (event.type === 'text') console.log(event.text)
  if (event.type === 'tool-call') console.log(event.name, event.arguments) // days is a number, as the schema says
}

const { message, toolCalls } = chatReply(events)
const results = toolCalls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'rain, 12 °C' }))
console.log(template.render([...messages, message, ...results], { tools }))
