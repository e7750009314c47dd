// Before packing: writes the SHA-256 of every platform's addon into addons.json. An addon with another hash is never loaded, so all platforms
// are built before this package is packed.
//
//   node scripts/write-hashes.mjs [--all]      --all: refuse when a platform is missing, as a release must

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashes, platforms, root } from './platforms.mjs'

const found = hashes()
const missing = platforms.filter((platform) => found[platform] === undefined)
if (missing.length > 0 && (process.argv.includes('--all') || process.env.FAK_RELEASE === '1')) {
  console.error(`fak: no addon for ${missing.join(', ')}; build them with scripts/build-platform.mjs first`)
  process.exit(1)
}
writeFileSync(join(root, 'addons.json'), `${JSON.stringify(found, null, 2)}\n`)
