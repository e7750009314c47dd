// A directory as HF checkpoints have it: config.json, safetensors, tokenizer.json, tokenizer_config.json, chat_template.jinja.

import { basename, join, resolve } from 'node:path'
import { ChatTemplate } from '@fak/chat'
import { loadQwen35 } from '@fak/model-qwen35'
import { openSafetensors } from '@fak/safetensors/node'
import { FakError } from '@fak/tensor'
import { Tokenizer } from '@fak/tokenizer'
import { readFile } from '../read-file.js'
import { type OpenedModel, once, type RealVocabulary, realVocabulary } from './opened.js'

/** Largest config.json, tokenizer_config.json or template that is read. */
const MAX_CONFIG_BYTES = 16 * 2 ** 20
const MAX_TOKENIZER_BYTES = 256 * 2 ** 20

/** Opens a checkpoint directory for running. @throws FakError with a `FILE_`, `ST_` or `MODEL_` code */
export async function openDirectoryModel(directory: string): Promise<OpenedModel> {
  const config = await readConfig(directory)
  const stored = await openSafetensors(directory)
  try {
    const model = await loadQwen35(stored, { config })
    const tokenizer = once(() => directoryTokenizer(directory))
    return {
      name: basename(resolve(directory)),
      path: directory,
      isDemo: false,
      architecture: String((config as { model_type?: unknown } | null)?.model_type ?? ''),
      stored,
      model,
      vocabulary: () => tokensOf(model.config.vocabularySize, tokenizer),
      tokenizer,
      endTokens: () => endTokens(join(directory, 'generation_config.json'), tokenizer),
      template: () => directoryTemplate(directory),
      close: () => stored.close(),
    }
  } catch (error) {
    await stored.close()
    throw error
  }
}

/** The parsed config.json of a checkpoint directory. @throws FakError with a `FILE_` code, `MODEL_BAD_CONFIG` */
export const readConfig = (directory: string): Promise<unknown> => readJson(join(directory, 'config.json'))

/** The tokenizer of a checkpoint directory. @throws FakError with a `FILE_` or `TOK_` code */
export async function directoryTokenizer(directory: string): Promise<Tokenizer> {
  const file = join(directory, 'tokenizer.json')
  const config = await readOptional(join(directory, 'tokenizer_config.json'), MAX_CONFIG_BYTES)
  return Tokenizer.fromJson(await readFile(file, MAX_TOKENIZER_BYTES), { file, ...(config && { config }) })
}

/**
 * `eos_token_id` of generation_config.json, one id or several. That of config.json is the end of a document, not of an answer.
 *
 * @throws FakError `MODEL_BAD_CONFIG` for what is no id of a token
 */
async function endTokens(file: string, tokenizer: () => Promise<Tokenizer>): Promise<number[]> {
  const given = await readJson(file).catch((error: unknown) => {
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  })
  const ids: unknown = (given as { eos_token_id?: unknown } | null | undefined)?.eos_token_id ?? []
  const known = await tokenizer()
  return (Array.isArray(ids) ? ids : [ids]).map((id: unknown) => {
    if (typeof id === 'number' && known.has(id)) return id
    const reason = `eos_token_id must hold ids of tokens, got ${JSON.stringify(id)?.slice(0, 40)}`
    throw new FakError('MODEL_BAD_CONFIG', { file, reason, field: 'eos_token_id' })
  })
}

async function tokensOf(rows: number, tokenizer: () => Promise<Tokenizer>): Promise<RealVocabulary> {
  try {
    const found = await tokenizer()
    return realVocabulary(rows, found.vocabSize, (id) => found.has(id))
  } catch (error) {
    // Weights alone can be evaluated; then every row counts.
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return { size: rows, holes: [] }
    throw error
  }
}

async function directoryTemplate(directory: string): Promise<ChatTemplate> {
  const found = await findTemplate(directory)
  if (found.source !== undefined) return ChatTemplate.parse(found.source, { file: found.file })
  const reason = 'there is no chat_template.jinja and no chat_template in the tokenizer configuration'
  throw new FakError('TEMPLATE_MISSING', { file: found.file, reason, field: 'chat_template' })
}

/** Source of the chat template of a checkpoint directory, or `undefined`. @throws FakError with a `FILE_` code */
export async function directoryTemplateSource(directory: string): Promise<string | undefined> {
  return (await findTemplate(directory)).source
}

async function findTemplate(directory: string): Promise<{ file: string; source: string | undefined }> {
  const file = join(directory, 'chat_template.jinja')
  const source = await readOptional(file, MAX_CONFIG_BYTES)
  if (source !== undefined) return { file, source: new TextDecoder().decode(source) }
  const config = join(directory, 'tokenizer_config.json')
  const json = await readOptional(config, MAX_CONFIG_BYTES)
  const embedded = json && (parseJson(json, config) as { chat_template?: unknown } | null)?.chat_template
  return { file: config, source: typeof embedded === 'string' ? embedded : undefined }
}

async function readJson(file: string): Promise<unknown> {
  return parseJson(await readFile(file, MAX_CONFIG_BYTES), file)
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new FakError('MODEL_BAD_CONFIG', { file, reason: 'is not JSON', offset: 0, cause })
  }
}

const readOptional = (file: string, limit: number): Promise<Uint8Array | undefined> =>
  readFile(file, limit).catch((error: unknown) => {
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  })
