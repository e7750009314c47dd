// From what the user typed after -m to an opened model.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demoModelName, demoModelUrl } from '@fak/demo-model'
import { FakError } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'
import { UsageError } from '../errors.js'
import { directoryTokenizer, openDirectoryModel } from './directory.js'
import { openGgufModel, openGgufTokenizer } from './gguf.js'
import type { OpenedModel } from './opened.js'

/** What `-m` means, for help texts. */
export const MODEL_HELP = 'a .gguf file or a directory with safetensors (default: the demo model)'

/**
 * Opens a model for running.
 *
 * @param reference path of a GGUF file or of a directory with safetensors; the demo model when absent
 * @throws FakError with the code of what is wrong with the files; UsageError for a reference of a kind not known here
 */
export async function openModel(reference: string | undefined): Promise<OpenedModel> {
  if (reference === undefined || reference === demoModelName) {
    return { ...(await openGgufModel(fileURLToPath(demoModelUrl))), name: demoModelName, isDemo: true }
  }
  const path = localPath(reference)
  return (await isCheckpoint(path)) ? openDirectoryModel(path) : openGgufModel(path)
}

/** Opens only the tokenizer of a model; the weights are not looked at. */
export async function openTokenizer(reference: string): Promise<Tokenizer> {
  const path = reference === demoModelName ? fileURLToPath(demoModelUrl) : localPath(reference)
  return (await isCheckpoint(path)) ? directoryTokenizer(path) : openGgufTokenizer(path)
}

function localPath(reference: string): string {
  if (reference === '') throw new UsageError('the model is an empty string; give a path')
  if (/^(hf:|https?:)/.test(reference)) {
    throw new UsageError('models are not downloaded by this version; download the file and give its path')
  }
  return reference
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
