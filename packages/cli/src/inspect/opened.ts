// The file or directory that is inspected, open.

import { stat } from 'node:fs/promises'
import type { GgufFile } from '@fak/gguf'
import { openGguf } from '@fak/gguf/node'
import type { SafetensorsFile } from '@fak/safetensors'
import { openSafetensors } from '@fak/safetensors/node'
import { directoryTemplateSource } from '../model/directory.js'
import { unlessWrongType } from './tokenizer-facts.js'

/** A model file that is open, of either kind. */
export type Opened =
  | { readonly kind: 'gguf'; readonly path: string; readonly stored: GgufFile }
  | {
      readonly kind: 'safetensors'
      readonly path: string
      readonly isDirectory: boolean
      readonly stored: SafetensorsFile
    }

/** Opens a file or directory for inspection. @throws FakError with a `FILE_`, `GGUF_`, `ST_` or `MODEL_` code */
export async function openForInspection(path: string): Promise<Opened> {
  const isDirectory = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  return isDirectory || /\.(safetensors|index\.json)$/.test(path)
    ? { kind: 'safetensors', path, isDirectory, stored: await openSafetensors(path) }
    : { kind: 'gguf', path, stored: await openGguf(path) }
}

/** Source of the chat template, or `undefined`. */
export async function templateSource(opened: Opened): Promise<string | undefined> {
  if (opened.kind === 'gguf') {
    const { metadata } = opened.stored
    return unlessWrongType(() => metadata.string('tokenizer.chat_template'))
  }
  return opened.isDirectory ? directoryTemplateSource(opened.path) : undefined
}
