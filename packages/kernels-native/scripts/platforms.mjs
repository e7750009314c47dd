// The platforms that have a package of compiled kernels, and the one that this is.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { report } from 'node:process'
import { fileURLToPath } from 'node:url'

/** The folder of this package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Names of the folders in npm/, each a package. */
export const platforms = readdirSync(join(root, 'npm')).sort()

/** Where a platform's package keeps its addon. */
export const addonOf = (platform) => join(root, 'npm', platform, 'fak_native.node')

/** This platform, as src/packaged.ts names it. */
export function hostPlatform() {
  const { platform, arch } = process
  if (platform !== 'linux') return `${platform}-${arch}`
  return `linux-${arch}-${report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`
}

/** SHA-256 of every addon that is there, by platform. */
export function hashes() {
  const there = platforms.filter((platform) => existsSync(addonOf(platform)))
  const hash = (platform) =>
    createHash('sha256')
      .update(readFileSync(addonOf(platform)))
      .digest('hex')
  return Object.fromEntries(there.map((platform) => [platform, hash(platform)]))
}
