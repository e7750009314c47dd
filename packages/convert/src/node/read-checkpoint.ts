// The files beside the tensors of a checkpoint directory.

import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { FakError } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import type { CheckpointFiles } from '../metadata/checkpoint.js'
import type { ChatTemplates } from '../metadata/tokenizer.js'
import { isObject, type Json, own } from '../metadata/values.js'

const MAX_CONFIG_BYTES = 16 * 2 ** 20
const MAX_TOKENIZER_BYTES = 256 * 2 ** 20

/** @throws FakError with a `FILE_` code; `MODEL_BAD_CONFIG` for a file that holds no JSON object */
export async function readCheckpointFiles(directory: string): Promise<CheckpointFiles> {
  const at = (name: string) => join(directory, name)
  const configFile = at('config.json')
  const tokenizerFile = at('tokenizer.json')
  const config = parsed(await bytesOf(configFile, MAX_CONFIG_BYTES), configFile)
  const tokenizer = await bytesOf(tokenizerFile, MAX_TOKENIZER_BYTES)
  const tokenizerConfig = await optionalJson(at('tokenizer_config.json'))
  const generationConfig = await optionalJson(at('generation_config.json'))
  const chatTemplate = await chatTemplates(directory)
  const modelCard = await optional(at('README.md'))
  return {
    config,
    configFile,
    tokenizer,
    tokenizerFile,
    directoryName: basename(resolve(directory)),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
    ...(chatTemplate !== undefined && { chatTemplate }),
    ...(modelCard && { modelCard: decoded(modelCard) }),
  }
}

/** chat_template.jinja, with those of additional_chat_templates beside it, or chat_template.json. */
async function chatTemplates(directory: string): Promise<ChatTemplates | undefined> {
  const main = await optional(join(directory, 'chat_template.jinja'))
  if (main === undefined) {
    const json = await optionalJson(join(directory, 'chat_template.json'))
    return own(json, 'chat_template') as ChatTemplates | undefined
  }
  const folder = join(directory, 'additional_chat_templates')
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jinja')).sort()
  const template = decoded(main)
  if (names.length === 0) return template
  const others = names.map(async (name) => ({
    name: name.slice(0, -'.jinja'.length),
    template: decoded(await bytesOf(join(folder, name), MAX_CONFIG_BYTES)),
  }))
  return [{ name: 'default', template }, ...(await Promise.all(others))]
}

async function bytesOf(path: string, limit: number): Promise<Uint8Array> {
  const source = await fileSource(path)
  try {
    if (source.size > limit) {
      throw new FakError('FILE_TOO_LARGE', { file: path, reason: `has ${source.size} bytes, the limit is ${limit}` })
    }
    return await source.read(0, source.size)
  } finally {
    await source.close()
  }
}

const optional = (path: string): Promise<Uint8Array | undefined> =>
  bytesOf(path, MAX_CONFIG_BYTES).catch((error: unknown) => {
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  })

async function optionalJson(path: string): Promise<Json | undefined> {
  const bytes = await optional(path)
  return bytes && parsed(bytes, path)
}

// Python opens text with universal newlines, which reads CR LF and CR as LF.
const decoded = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replaceAll(/\r\n?/g, '\n')

function parsed(bytes: Uint8Array, file: string): Json {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new FakError('MODEL_BAD_CONFIG', { file, reason: 'is not JSON', offset: 0, cause })
  }
  if (isObject(value)) return value
  throw new FakError('MODEL_BAD_CONFIG', { file, reason: 'must hold a JSON object' })
}
