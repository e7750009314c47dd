// Finding the addon of a platform's package: nothing is loaded here.

import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findPackaged, PACKAGED_PLATFORMS, platformName } from '../src/packaged.js'

const folder = mkdtempSync(join(tmpdir(), 'fak-packaged-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const addon = Buffer.from('an addon')
const sha256 = createHash('sha256').update(addon).digest('hex')

/** A folder with the package of linux-x64-gnu in it. */
function installed(name: string, version: string, content: Uint8Array | null): string {
  const home = join(folder, name, 'node_modules', '@fak', 'kernels-native-linux-x64-gnu')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@fak/kernels-native-linux-x64-gnu', version }))
  if (content !== null) writeFileSync(join(home, 'fak_native.node'), content)
  return join(folder, name, 'index.js')
}

const options = { platform: 'linux-x64-gnu', version: '1.2.3', hashes: { 'linux-x64-gnu': sha256 } }

describe('the addon of a platform package', () => {
  it('is taken when its hash is the one that was packed', () => {
    const from = installed('whole', '1.2.3', addon)
    expect(findPackaged({ ...options, from })).toEqual({
      path: join(folder, 'whole/node_modules/@fak/kernels-native-linux-x64-gnu/fak_native.node'),
    })
  })

  it('is never taken with one bit changed, with another version, or without a hash', () => {
    const changed = Uint8Array.from(addon)
    changed[3]! ^= 1
    const fix = 'install it: npm install --include=optional @fak/kernels-native-linux-x64-gnu@1.2.3'
    for (const [from, given, reason] of [
      [
        installed('changed', '1.2.3', changed),
        options,
        new RegExp(`has the SHA-256 [0-9a-f]{64}, not ${sha256} as it was packed`),
      ],
      [installed('older', '1.2.2', addon), options, /has version "1\.2\.2", 1\.2\.3 is needed/],
      [installed('unknown', '1.2.3', addon), { ...options, hashes: {} }, /packed without the hash/],
    ] as const) {
      expect(findPackaged({ ...given, from })).toEqual({ reason: expect.stringMatching(reason), fix, broken: true })
    }
  })

  it('is missing, not broken, when the package or its file is not there', () => {
    for (const from of [join(folder, 'nowhere', 'index.js'), installed('hollow', '1.2.3', null)]) {
      const reason = 'the package @fak/kernels-native-linux-x64-gnu is not installed'
      expect(findPackaged({ ...options, from })).toMatchObject({ reason, broken: false })
    }
  })

  it('does not exist for every platform, and the reason says for which it does', () => {
    const from = installed('other', '1.2.3', addon)
    const found = findPackaged({ ...options, platform: 'linux-x64-musl', from })
    expect(found).toMatchObject({
      reason: 'there are no compiled kernels for linux-x64-musl, only for darwin-arm64, linux-arm64-gnu, linux-x64-gnu',
      fix: expect.stringMatching(/FAK_NATIVE_ADDON/),
      broken: false,
    })
  })
})

it('every platform that is named has its package, as an optional dependency, for its system and processor alone', () => {
  const root = new URL('../', import.meta.url)
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  expect(readdirSync(new URL('npm', root)).sort()).toEqual(PACKAGED_PLATFORMS)
  for (const platform of PACKAGED_PLATFORMS) {
    const own = JSON.parse(readFileSync(new URL(`npm/${platform}/package.json`, root), 'utf8'))
    expect(manifest.optionalDependencies[own.name]).toBe('workspace:*')
    expect(own.version).toBe(manifest.version)
    expect([`${own.os}-${own.cpu}`, own.libc ?? null]).toEqual([
      platform.replace(/-gnu$/, ''),
      platform.endsWith('-gnu') ? ['glibc'] : null,
    ])
    expect(own.files).toEqual(['fak_native.node'])
    expect(own.scripts).toBeUndefined()
  }
  expect(platformName()).toMatch(/^[a-z0-9]+-[a-z0-9]+(-gnu|-musl)?$/)
})
