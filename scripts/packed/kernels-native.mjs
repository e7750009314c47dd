// @fak/kernels-native with the package of this platform, installed in an empty folder: the addon loads and computes; with one bit changed
// it does not; without the package there is a reason and the reference executor.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

if (process.argv[3] === 'look') {
  const { loadNative } = await import('@fak/kernels-native')
  const { ReferenceExecutor } = await import('@fak/graph/reference')
  const load = loadNative({ threads: 1 })
  const executor = load.executor ?? new ReferenceExecutor()
  process.stdout.write(JSON.stringify({ name: executor.name, reason: load.reason, broken: load.broken, fix: load.fix }))
} else {
  const look = () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['try.mjs', process.argv[2], 'look'], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout)
  }
  const require = createRequire(import.meta.url)
  const platform = Object.keys(require('@fak/kernels-native/package.json').optionalDependencies).find((name) => {
    try {
      return require.resolve(`${name}/package.json`)
    } catch {
      return false
    }
  })
  assert.match(require('@fak/kernels-native/package.json').optionalDependencies[platform], /^\d+\.\d+\.\d+$/)
  const addon = require.resolve(`${platform}/fak_native.node`)
  assert.equal(look().name, 'native')
  const bytes = readFileSync(addon)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(addon, bytes)
  const changed = look()
  assert.deepEqual([changed.name, changed.broken], ['reference', true])
  assert.match(changed.reason, /SHA-256/)
  renameSync(addon, `${addon}.away`)
  const gone = look()
  assert.deepEqual([gone.name, gone.broken], ['reference', false])
  assert.match(gone.fix, /npm install --include=optional/)
}
