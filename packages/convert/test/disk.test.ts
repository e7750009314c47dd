import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convert } from '@fak/convert/node'
import { afterAll, expect, it, vi } from 'vitest'

const room = vi.hoisted(() => ({ bytes: 0 }))
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  statfs: async () => ({ bavail: room.bytes, bsize: 1 }),
}))

const scratch = mkdtempSync(join(tmpdir(), 'fak-convert-'))
afterAll(() => rmSync(scratch, { recursive: true }))

it('refuses a disk that is a byte too small before it writes, and takes one that is just large enough', async () => {
  const source = fileURLToPath(new URL('../../../fixtures/models/tied', import.meta.url))
  const output = join(scratch, 'model.gguf')
  const options = { type: 'BF16', threads: 1, modelName: 'tied' } as const
  const needed = 192_768
  room.bytes = needed - 1
  const reason = expect.stringContaining(`takes ${needed} bytes, the disk has ${needed - 1} left`)
  await expect(convert(source, output, options)).rejects.toMatchObject({ code: 'DISK_TOO_SMALL', file: output, reason })
  expect(readdirSync(scratch)).toEqual([])
  room.bytes = needed
  expect(await convert(source, output, options)).toMatchObject({ byteLength: needed })
})
