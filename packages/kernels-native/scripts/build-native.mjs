// Builds the addon into build/Release, unless it is newer than everything it is made of. Without a compiler or CMake it says so in one
// line and ends well: the rest of the project works on the reference executor.
//
//   node scripts/build-native.mjs [--force]

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const addon = join(root, 'build', 'Release', 'fak_native.node')
const require = createRequire(import.meta.url)

const force = process.argv.includes('--force')
if (force || !upToDate()) {
  const missing = missingTool()
  if (missing === undefined) locked(build)
  else {
    console.error(
      `fak: native kernels not built, ${missing} not found (the slow reference executor is used); to fix it, install a C++17 compiler and CMake 3.18 or newer, then run: node "${fileURLToPath(import.meta.url)}"`,
    )
  }
}

function build() {
  // Another process may have built it while this one waited.
  if (!force && upToDate()) return
  const started = new Date()
  console.error('fak: building the native kernels …')
  // Two jobs: more would fill the memory of small machines for a build that happens once.
  const args = [require.resolve('cmake-js/bin/cmake-js'), 'compile', '--out', 'build', '--parallel', '2']
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (result.status === 0 && existsSync(addon)) {
    // The time of the sources it was made of, also when the linker had nothing to do: a source that was saved meanwhile is newer.
    utimesSync(addon, started, started)
    return
  }
  console.error(result.stdout + result.stderr)
  console.error('fak: the native kernels do not compile; the lines above say why')
  process.exitCode = 1
}

/** Runs `work` while no other process builds in this folder; two at a time would spoil each other's files. */
function locked(work) {
  const lock = join(root, 'build.lock')
  let told = false
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (abandoned(lock)) {
      rmSync(lock, { force: true })
      continue
    }
    if (!told) console.error('fak: another process is building the native kernels; waiting for it …')
    told = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  try {
    work()
  } finally {
    rmSync(lock, { force: true })
  }
}

/** Whether the process that made a lock has ended without taking it away. */
function abandoned(lock) {
  let owner
  try {
    owner = Number(readFileSync(lock, 'utf8'))
  } catch {
    return false
  }
  // Being written at this moment.
  if (!Number.isInteger(owner) || owner <= 0)
    return Date.now() - statSync(lock, { throwIfNoEntry: false })?.mtimeMs > 10_000
  try {
    process.kill(owner, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
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
