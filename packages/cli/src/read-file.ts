// Small files, read whole.

import { FakError } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'

/** All bytes of a regular file. @throws FakError with a `FILE_` code, `FILE_TOO_LARGE` for more than `limit` bytes */
export async function readFile(file: string, limit: number): Promise<Uint8Array> {
  const source = await fileSource(file)
  try {
    if (source.size > limit) {
      throw new FakError('FILE_TOO_LARGE', { file, reason: `has ${source.size} bytes, at most ${limit} are read` })
    }
    return await source.read(0, source.size)
  } finally {
    await source.close()
  }
}
