// Makes a clone ready to run: installs the pinned dependencies and builds, each only when its inputs changed since the last
// time. Everything it prints goes to stderr, because stdout belongs to the command that follows.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

const MINIMUM_NODE = [20, 19]
const STAMPS = join(root, 'node_modules', '.cache', 'fak')

/** Installs and builds what is out of date. Ends the process with a one-line reason when that is impossible. */
export function ensureReady() {
  checkNode()
  const dirs = packageDirectories()
  const manifests = [root, ...dirs].map((dir) => join(dir, 'package.json'))
  once({
    step: 'installing dependencies',
    inputs: [join(root, 'pnpm-lock.yaml'), ...manifests],
    outputs: dirs.map((dir) => join(dir, 'node_modules')),
    run: () => pnpm(['install', '--frozen-lockfile']),
  })
  once({
    step: 'building',
    inputs: dirs
      .flatMap(buildInputs)
      .concat(join(root, 'tsconfig.base.json'), join(root, 'scripts', 'tsup-package.ts')),
    outputs: dirs.flatMap((dir) => [join(dir, 'dist', 'index.js'), join(dir, 'build', 'Release')]),
    run: () => pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only']),
  })
}

/** Runs the pnpm version that package.json pins, wherever npm is. Its output goes to stderr. */
function pnpm(args) {
  const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager
  const result = spawnSync('npx', ['--yes', pinned, '--loglevel=warn', ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', npm_config_loglevel: 'error' },
    shell: process.platform === 'win32',
  })
  return result.status === 0
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantMajor, wantMinor] = MINIMUM_NODE
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return
  fail(`Node ${process.versions.node} is too old; @fak needs ${MINIMUM_NODE.join('.')} or newer: https://nodejs.org`)
}

/** Runs a step unless its stamp shows that it succeeded with the same inputs and that its outputs are still there. */
function once({ step, inputs, outputs, run }) {
  const stamp = join(STAMPS, step.replaceAll(' ', '-'))
  const before = fingerprint(inputs)
  const present = () => outputs.map((path) => (existsSync(path) ? '1' : '0')).join('')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === `${before} ${present()}`) return
  process.stderr.write(`fak: ${step} …\n`)
  rmSync(stamp, { force: true })
  if (!run()) fail(`${step} failed; the lines above say why`)
  mkdirSync(STAMPS, { recursive: true })
  writeFileSync(stamp, `${before} ${present()}`)
}

function packageDirectories() {
  const packages = join(root, 'packages')
  return readdirSync(packages)
    .map((name) => join(packages, name))
    .filter((dir) => existsSync(join(dir, 'package.json')))
}

function buildInputs(dir) {
  const files = []
  for (const name of ['package.json', 'tsup.config.ts', 'CMakeLists.txt', 'src', 'native', 'scripts']) {
    collect(join(dir, name), files)
  }
  return files
}

function collect(path, files) {
  if (!existsSync(path)) return
  if (!statSync(path).isDirectory()) {
    files.push(path)
    return
  }
  for (const name of readdirSync(path).sort()) collect(join(path, name), files)
}

/** Paths, sizes and modification times: cheap enough for every start. */
function fingerprint(files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const stat = statSync(file, { throwIfNoEntry: false })
    hash.update(`${file}\0${stat === undefined ? 'absent' : `${stat.size} ${stat.mtimeMs}`}\n`)
  }
  return hash.digest('hex')
}

function fail(reason) {
  process.stderr.write(`fak: ${reason}\n`)
  process.exit(1)
}
