// `npm test`: set up, then every check and every test; the last line counts them.
//
//   npm test                    everything
//   npm test -- lint unit       only the named steps (a step's first word), or `npm test -- --list`
//
// FAK_TEST_NODES="22.23.3 24.21.0" also tries the packed packages on those Node versions (fetched from the registry).

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureReady, root } from './setup.mjs'

const scratch = mkdtempSync(join(tmpdir(), 'fak-test-'))
const bin = (name) => join(root, 'node_modules', '.bin', name)

/** A step either passes or fails as one, or reports its own counts. */
const steps = [
  {
    name: 'lint: format and lint rules',
    run: () => one(bin('biome'), ['ci', '--colors=off', '--error-on-warnings', '.']),
  },
  { name: 'types: TypeScript, strict', run: () => one(bin('tsc'), ['-p', 'tsconfig.json']) },
  {
    name: 'arrows: who may import whom',
    run: () => one(bin('depcruise'), ['--config', '.dependency-cruiser.mjs', 'packages']),
  },
  { name: 'unused: files, exports, dependencies', run: () => one(bin('knip'), []) },
  { name: 'docs: every public export is documented', run: () => one(bin('typedoc'), ['--out', join(scratch, 'api')]) },
  { name: 'packed: contents, types, and a life of their own', run: packed },
  { name: 'kernels: C++ tests without Node', run: kernels },
  { name: 'aarch64: C++ tests under emulation', run: aarch64 },
  { name: 'unit: vitest', run: vitest },
]

const wanted = process.argv.slice(2)
if (wanted.includes('--list')) {
  for (const step of steps) process.stdout.write(`${step.name}\n`)
  process.exit(0)
}
const unknown = wanted.find((word) => !steps.some((step) => firstWord(step) === word))
if (unknown !== undefined) {
  process.stderr.write(`fak: no test step ${JSON.stringify(unknown)}; npm test -- --list shows them\n`)
  process.exit(2)
}

ensureReady()
const total = { passed: 0, failed: 0, skipped: [] }
for (const step of steps) {
  if (wanted.length > 0 && !wanted.includes(firstWord(step))) continue
  process.stdout.write(`\n== ${step.name}\n`)
  const started = Date.now()
  const { passed, failed, skipped = [] } = step.run()
  total.passed += passed
  total.failed += failed
  total.skipped.push(...skipped)
  process.stdout.write(`== ${failed === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
}
rmSync(scratch, { recursive: true, force: true })
for (const name of total.skipped) process.stdout.write(`skipped: ${name}\n`)
const skippedNote = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skippedNote}\n`)
process.exitCode = total.failed === 0 ? 0 : 1

function firstWord(step) {
  return step.name.split(':')[0]
}

function command(program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options })
}

function one(program, args) {
  return command(program, args).status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

function packed() {
  const report = join(scratch, 'packed.json')
  command(process.execPath, [join(root, 'scripts', 'test-packed.mjs'), report])
  return readReport(report)
}

function kernels() {
  const cmake = spawnSync('cmake', ['--version'])
  const compiler = spawnSync('c++', ['--version'])
  if (cmake.status !== 0 || compiler.status !== 0) {
    return { passed: 0, failed: 0, skipped: ['C++ kernel tests: no CMake or no C++17 compiler on this machine'] }
  }
  const build = join(root, 'packages', 'kernels-native', 'build', 'tests')
  const source = join(root, 'packages', 'kernels-native')
  const configure = ['-S', source, '-B', build, '-DCMAKE_BUILD_TYPE=Release', '-DFAK_TESTS=ON']
  if (command('cmake', configure).status !== 0) return { passed: 0, failed: 1 }
  if (command('cmake', ['--build', build, '--parallel', '2']).status !== 0) return { passed: 0, failed: 1 }
  const report = join(scratch, 'ctest.xml')
  command('ctest', ['--test-dir', build, '--output-on-failure', '--output-junit', report])
  const [, tests = '0', failures = '1'] = /tests="(\d+)"[\s\S]*?failures="(\d+)"/.exec(readText(report)) ?? []
  // No test at all is a failure: a suite that cannot fail proves nothing.
  if (Number(tests) === 0) return { passed: 0, failed: 1 }
  return { passed: Number(tests) - Number(failures), failed: Number(failures) }
}

/**
 * The C++ tests built for aarch64, on an emulated processor with i8mm, on one with dot products alone and on one with neither, over a part
 * of the shapes. They hold the kernels to scalar, and whole models to the hashes that this machine must give as well.
 */
function aarch64() {
  const answers = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
  const missing = ['cmake', 'aarch64-linux-gnu-g++', 'qemu-aarch64'].filter((program) => !answers(program))
  if (missing.length > 0) {
    return { passed: 0, failed: 0, skipped: [`C++ tests for aarch64: no ${missing.join(', no ')} on this machine`] }
  }
  const source = join(root, 'packages', 'kernels-native')
  const build = join(source, 'build', 'aarch64')
  const toolchain = join(source, 'cmake', 'aarch64-linux-gnu.cmake')
  const configure = ['-S', source, '-B', build, `-DCMAKE_TOOLCHAIN_FILE=${toolchain}`, '-DCMAKE_BUILD_TYPE=Release']
  if (command('cmake', [...configure, '-DFAK_TESTS=ON']).status !== 0) return { passed: 0, failed: 1 }
  const targets = ['test_linear', 'test_float', 'test_executor']
  const built = command('cmake', ['--build', build, '--parallel', '2', '--target', ...targets])
  if (built.status !== 0) return { passed: 0, failed: 1 }
  const runs = [
    ['max', 'test_linear'],
    ['max', 'test_float'],
    ['max', 'test_executor'],
    // An instruction that such a processor lacks would end the program.
    ['neoverse-n1', 'test_linear', 'linear_isa'],
    ['neoverse-n1', 'test_float'],
    ['cortex-a72', 'test_linear', 'linear_isa'],
    ['cortex-a72', 'test_float'],
  ]
  const counts = { passed: 0, failed: 0 }
  for (const [cpu, program, ...only] of runs) {
    process.stdout.write(`-- ${[program, ...only].join(' ')} on ${cpu}\n`)
    const env = { ...process.env, FAK_TEST_BRIEF: '1' }
    const args = ['-cpu', cpu, '-L', '/usr/aarch64-linux-gnu', join(build, program), ...only]
    if (command('qemu-aarch64', args, { env }).status === 0) counts.passed++
    else counts.failed++
  }
  return counts
}

function vitest() {
  const report = join(scratch, 'vitest.json')
  const status = command(bin('vitest'), [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]).status
  const results = existsSync(report) ? JSON.parse(readText(report)) : undefined
  if (results === undefined || results.numTotalTests === 0) return { passed: 0, failed: 1 }
  const skipped = results.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => ['skipped', 'pending', 'todo'].includes(test.status))
      .map((test) => test.fullName),
  )
  // A file that fails before its first test counts no failed test, but the run has failed all the same.
  const failed = status === 0 ? results.numFailedTests : Math.max(1, results.numFailedTests)
  return { passed: results.numPassedTests, failed, skipped }
}

function readReport(path) {
  return existsSync(path) ? JSON.parse(readText(path)) : { passed: 0, failed: 1 }
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
