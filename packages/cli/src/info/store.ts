// The folder of stored models, as fak info shows it.

import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StoredModel } from '@fak/hub'
import { FakError } from '@fak/tensor'
import type { CommandContext } from '../context.js'
import { openStore } from '../model/locate.js'

/** Where models are, how many, and what room there is for more. */
export interface StoreFacts {
  readonly directory: string
  readonly models: number
  readonly bytes: number
  /** Of the disk; `null` where it is not told. */
  readonly freeBytes: number | null
  /** Names of models that are damaged. */
  readonly damaged: readonly string[]
  /** Why the folder cannot be read, with its name; `null` when it can, or is not there yet. */
  readonly problem: string | null
}

/** Looks at the store. */
export async function storeFacts(context: CommandContext): Promise<StoreFacts> {
  const store = openStore(context)
  let models: StoredModel[] = []
  let problem: string | null = null
  try {
    models = await store.list()
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    problem = `${store.directory} ${error.reason}`
  }
  return {
    directory: store.directory,
    models: models.length,
    bytes: models.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes: await freeAt(store.directory),
    damaged: models.filter((model) => model.problem !== null).map(({ name }) => name),
    problem,
  }
}

/** Free bytes where the folder is, or will be. */
async function freeAt(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    const above = dirname(folder)
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && above !== folder ? freeAt(above) : null
  }
}
