// Builds the addon into build/Release, unless it is newer than everything it is made of. Without a compiler or CMake it says so in one
// line and ends well: the rest of the project works on the reference executor.
//
//   node scripts/build-native.mjs [--force]

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const addon = join(root, 'build', 'Release', 'fak_native.node')
const require = createRequire(import.meta.url)

if (process.argv.includes('--force') || !upToDate()) build()

function build() {
  const missing = missingTool()
  if (missing !== undefined) {
    console.error(
      `fak: native kernels not built, ${missing} not found (the slow reference executor is used); to fix it, install a C++17 compiler and CMake 3.18 or newer, then run: node "${fileURLToPath(import.meta.url)}"`,
    )
    return
  }
  console.error('fak: building the native kernels …')
  // Two jobs: more would fill the memory of small machines for a build that happens once.
  const args = [require.resolve('cmake-js/bin/cmake-js'), 'compile', '--out', 'build', '--parallel', '2']
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (result.status === 0 && existsSync(addon)) return
  console.error(result.stdout + result.stderr)
  console.error('fak: the native kernels do not compile; the lines above say why')
  process.exitCode = 1
}

/** The first tool that is not there, or undefined. */
function missingTool() {
  const answers = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)
  if (!answers('cmake')) return 'CMake'
  if (!compilers.some(answers)) return 'a C++ compiler'
  if (!answers('ninja') && !answers('make')) return 'Ninja or make'
  return undefined
}

function upToDate() {
  if (!existsSync(addon)) return false
  const built = statSync(addon).mtimeMs
  return newest([join(root, 'CMakeLists.txt'), join(root, 'package.json'), join(root, 'native')]) <= built
}

/** Time of the last change of any source; tests are no part of the addon. */
function newest(paths) {
  let time = 0
  for (const path of paths) {
    const stat = statSync(path)
    time = Math.max(time, stat.mtimeMs)
    if (!stat.isDirectory()) continue
    const names = readdirSync(path).filter((name) => name !== 'test' && name !== 'bench')
    time = Math.max(time, newest(names.map((name) => join(path, name))))
  }
  return time
}
