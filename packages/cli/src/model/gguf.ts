// A GGUF file as a model: weights, configuration, tokenizer and template all come from the one file.

import { basename } from 'node:path'
import { ChatTemplate } from '@fak/chat'
import type { GgufFile } from '@fak/gguf'
import { openGguf } from '@fak/gguf/node'
import { loadQwen35 } from '@fak/model-qwen35'
import { FakError } from '@fak/tensor'
import { Tokenizer } from '@fak/tokenizer'
import { type OpenedModel, once, realVocabulary } from './opened.js'

/** Opens a GGUF file for running. @throws FakError with a `FILE_`, `GGUF_` or `MODEL_` code */
export async function openGgufModel(path: string): Promise<OpenedModel> {
  const stored = await openGguf(path)
  try {
    const model = await loadQwen35(stored, { metadata: stored.metadata })
    return {
      name: basename(path),
      path,
      isDemo: false,
      architecture: stored.metadata.string('general.architecture') ?? '',
      stored,
      model,
      vocabulary: async () => {
        const types = stored.metadata.numbers('tokenizer.ggml.token_type')
        const rows = model.config.vocabularySize
        return realVocabulary(rows, types?.length ?? rows, (id) => types === undefined || types[id] !== UNUSED)
      },
      tokenizer: once(async () => Tokenizer.fromGguf(stored.metadata, { file: path })),
      endTokens: async () => [], // the tokenizer knows the one that the file names
      template: async () => ggufTemplate(stored, path),
      close: () => stored.close(),
    }
  } catch (error) {
    await stored.close()
    throw error
  }
}

/** Converters fill the vocabulary up to the rows of the head, and its holes, with tokens of this type. */
const UNUSED = 5

/** Only the tokenizer of a GGUF file, which need not be a model we can run, nor have any tensors. */
export async function openGgufTokenizer(path: string): Promise<Tokenizer> {
  const stored = await openGguf(path)
  try {
    return Tokenizer.fromGguf(stored.metadata, { file: path })
  } finally {
    await stored.close()
  }
}

function ggufTemplate({ metadata }: GgufFile, path: string): ChatTemplate {
  const source = metadata.string('tokenizer.chat_template')
  if (source === undefined) {
    const field = 'tokenizer.chat_template'
    throw new FakError('TEMPLATE_MISSING', { file: path, reason: 'the file has no chat template', field })
  }
  return ChatTemplate.parse(source, { file: path })
}
