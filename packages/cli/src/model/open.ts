// From a model's place to an opened model.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FakError } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import { directoryTokenizer, openDirectoryModel } from './directory.js'
import { openGgufModel, openGgufTokenizer } from './gguf.js'
import type { LocatedModel } from './locate.js'
import type { OpenedModel } from './opened.js'

/** Opens a model for running. @throws FakError with the code of what is wrong with the files */
export async function openModel({ path, name, isDemo }: LocatedModel): Promise<OpenedModel> {
  const opened = await ((await isCheckpoint(path)) ? openDirectoryModel(path) : openGgufModel(path))
  return { ...opened, name: name ?? opened.name, isDemo }
}

/** Opens only the tokenizer of a model; the weights are not looked at. */
export async function openTokenizer({ path }: LocatedModel): Promise<Tokenizer> {
  return (await isCheckpoint(path)) ? directoryTokenizer(path) : openGgufTokenizer(path)
}

/** Whether the path is a directory; one without a checkpoint in it is refused here. */
async function isCheckpoint(path: string): Promise<boolean> {
  const isDirectory = async (at: string) => (await stat(at).catch(() => undefined))?.isDirectory() ?? false
  if (!(await isDirectory(path))) return false
  if ((await stat(join(path, 'config.json')).catch(() => undefined)) === undefined) {
    const reason = 'is a directory without config.json; give a .gguf file or a directory with safetensors'
    throw new FakError('FILE_IS_DIRECTORY', { file: path, reason })
  }
  return true
}
