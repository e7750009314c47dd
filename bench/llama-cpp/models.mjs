// What is compared when no file is named: the demo model and the synthetic ones, each in every stored type, with token ids to run.

import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '../../packages/chat/dist/index.js'
import { demoModelUrl } from '../../packages/demo-model/dist/index.js'
import { openGguf, writeGgufFile } from '../../packages/gguf/dist/node.js'
import { quantize, readRows } from '../../packages/tensor/dist/index.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'
import { root } from '../../scripts/setup.mjs'
import { shapes, writeFittedModel } from './synthetic.mjs'

/** Stored types that are compared. */
export const mixes = ['F32', 'F16', 'Q8_0', 'Q4_K_M']

const shipped = fileURLToPath(demoModelUrl)
const fileTypes = { F32: 0, F16: 1 }

/** Folder for the files made here, which are made anew each time. */
async function scratch() {
  const folder = join(root, 'node_modules', '.cache', 'fak', 'llama-cpp')
  await mkdir(folder, { recursive: true })
  return folder
}

/** The demo model in a stored type: as shipped, as the official quantizer made it, or the shipped weights as floats. */
export async function demoModel(mix) {
  if (mix === 'Q8_0') return shipped
  if (mix === 'Q4_K_M') return join(root, 'fixtures', 'demo', 'demo-Q4_K_M.gguf')
  const path = join(await scratch(), `demo-${mix}.gguf`)
  const file = await openGguf(shipped)
  const metadata = new Map(file.metadata.entries())
  await writeGgufFile(path, {
    metadata: metadata.set('general.file_type', { type: 'u32', value: fileTypes[mix] }),
    tensors: [...file.tensors.values()].map((tensor) => {
      const dtype = tensor.dtype === 'F32' ? 'F32' : mix
      const data = async function* () {
        yield quantize(dtype, await readRows(tensor))
      }
      return { name: tensor.name, shape: tensor.shape, dtype, data }
    }),
  })
  await file.close()
  return path
}

/** Token ids of the conversations in prompts.json, with the beginning of the answer. */
export async function demoPrompts() {
  const { prompts } = JSON.parse(await readFile(new URL('prompts.json', import.meta.url), 'utf8'))
  const file = await openGguf(shipped)
  const tokenizer = Tokenizer.fromGguf(file.metadata)
  const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template'))
  await file.close()
  return prompts.map(({ messages, thinking }) => ({
    text: messages.at(-1).content,
    ids: [...encodeChat(tokenizer, template, messages, { enableThinking: thinking }).ids],
  }))
}

/** A synthetic model and the prompt that its head was fitted to. */
export async function syntheticModel(shape, mix) {
  const path = join(await scratch(), `${shape}-${mix}.gguf`)
  return { path, ids: await writeFittedModel(path, shape, mix) }
}

export const syntheticShapes = Object.keys(shapes)
