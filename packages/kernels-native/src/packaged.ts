// The addon of the package for this platform: found, compared with the hash that was written when this package was packed, and only then
// loaded by addon.ts.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform, report } from 'node:process'

/** Platforms with a package of their own; the folders of npm/. */
export const PACKAGED_PLATFORMS: readonly string[] = ['darwin-arm64', 'linux-arm64-gnu', 'linux-x64-gnu']

/** The addon's path; or why there is none to load. */
export type PackagedAddon =
  | { readonly path: string }
  | { readonly path?: never; readonly reason: string; readonly fix: string; readonly broken: boolean }

/** What {@link findPackaged} goes by. */
export interface PackagedOptions {
  /** A file of the package that depends on the platform packages. */
  readonly from: string | URL
  /** As {@link platformName} gives it. */
  readonly platform: string
  /** Version of this package; the platform package must have the same. */
  readonly version: string
  /** SHA-256 by platform. */
  readonly hashes: Readonly<Record<string, string>>
}

/** This platform as the packages are named, e.g. `linux-x64-gnu`, `linux-arm64-musl`, `darwin-arm64`. */
export function platformName(): string {
  if (platform !== 'linux') return `${platform}-${arch}`
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return `linux-${arch}-${header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`
}

/** Finds the addon and checks it; nothing of it runs. */
export function findPackaged({ from, platform, version, hashes }: PackagedOptions): PackagedAddon {
  const name = `@fak/kernels-native-${platform}`
  if (!PACKAGED_PLATFORMS.includes(platform)) {
    const reason = `there are no compiled kernels for ${platform}, only for ${PACKAGED_PLATFORMS.join(', ')}`
    const fix =
      'build them in a clone of the repository (npm start does) and set FAK_NATIVE_ADDON to the fak_native.node made there'
    return { reason, fix, broken: false }
  }
  const again = `install it: npm install --include=optional ${name}@${version}`
  const require = createRequire(from)
  let manifest: { version?: unknown }
  let path: string
  try {
    manifest = require(`${name}/package.json`)
    path = require.resolve(`${name}/fak_native.node`)
  } catch {
    // As after --omit=optional, or with a lockfile made on another system.
    return { reason: `the package ${name} is not installed`, fix: again, broken: false }
  }
  const broken = (reason: string): PackagedAddon => ({ reason, fix: again, broken: true })
  if (manifest.version !== version) {
    return broken(`${name} has version ${JSON.stringify(manifest.version)}, ${version} is needed`)
  }
  const expected = hashes[platform]
  if (expected === undefined) return broken(`this package was packed without the hash of ${name}`)
  let found: string
  try {
    found = createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch (error) {
    return broken(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
  if (found === expected) return { path }
  return broken(
    `${path} has the SHA-256 ${found}, not ${expected} as it was packed: it was changed or damaged and is not loaded`,
  )
}
