// Builds the addon of a platform package into npm/PLATFORM: this machine's own, or linux-arm64-gnu on Linux x64 with a cross compiler
// (Debian: g++-aarch64-linux-gnu).
//
//   node scripts/build-platform.mjs [PLATFORM]
//
// The C++ library is linked in, so that an older system's does; what is left is glibc of the machine that builds.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { addonOf, hostPlatform, platforms, root } from './platforms.mjs'

const host = hostPlatform()
const platform = process.argv[2] ?? host
if (!platforms.includes(platform)) fail(`no package for ${platform}; there are ${platforms.join(', ')}`, 2)
const crossed = platform === 'linux-arm64-gnu' && host === 'linux-x64-gnu'
if (platform !== host && !crossed) fail(`${platform} cannot be built on ${host}`, 2)

const require = createRequire(import.meta.url)
const out = join(root, 'build', platform)
const cross = ['--arch', 'arm64', `--CDCMAKE_TOOLCHAIN_FILE=${join(root, 'cmake', 'aarch64-linux-gnu.cmake')}`]
run(process.execPath, [
  require.resolve('cmake-js/bin/cmake-js'),
  'compile',
  '--out',
  out,
  '--CDFAK_STATIC_LIBRARY=ON',
  '--parallel',
  '2',
  ...(crossed ? cross : []),
])
const built = join(out, 'Release', 'fak_native.node')
if (!existsSync(built)) fail(`the build left no ${built}`, 1)
copyFileSync(built, addonOf(platform))
if (process.platform === 'linux')
  run(crossed ? 'aarch64-linux-gnu-strip' : 'strip', ['--strip-unneeded', addonOf(platform)])
process.stdout.write(`${addonOf(platform)}\n`)

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) fail(error?.message ?? `${program} ended with ${status}`, 1)
}

function fail(reason, code) {
  console.error(`fak: ${reason}`)
  process.exit(code)
}
