// Writes the table of docs/performance.md: every file of synthetic weights, beside node-llama-cpp and beside what the machine could do.
//
//   node bench/table.mjs [FILE ...] [--models DIR] [-p 512] [-n 64] [-t 2] [-r 3] [--json]
//
//   FILE      which of the files below; all by default                 --models   where they are, or are written; 26 GB for all
//   -p, -n    tokens of the prompt and tokens decoded after it         -t   threads, of both engines        -r   runs of each
//
// What the files are called says what they are: SIZE-MIX, or SIZE-LAYERSlayers-MIX. Those that are missing are written first (random weights
// of real shapes, by packages/testkit/scripts/synthetic.mjs). node-llama-cpp must be installed: bench/README.md has the command. Each
// file takes two processes: llama-cpp/speed.mjs, where runs of both engines alternate, and `fak bench`, where runs alternate with
// measurements of the machine.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureReady, root } from '../scripts/setup.mjs'

const FILES = [
  '0.8B-Q4_K_M',
  '0.8B-Q8_0',
  '4B-Q4_K_M',
  '4B-Q8_0',
  '27B-Q4_K_M',
  // Four of forty layers: three with a recurrent state, one of attention.
  '35B-A3B-4layers-Q4_K_M',
]

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: 'string', default: join(root, 'node_modules', '.cache', 'fak', 'models') },
    prompt: { type: 'string', short: 'p', default: '512' },
    new: { type: 'string', short: 'n', default: '64' },
    threads: { type: 'string', short: 't', default: '2' },
    repeats: { type: 'string', short: 'r', default: '3' },
    json: { type: 'boolean', default: false },
  },
})
const names = positionals.length === 0 ? FILES : positionals
const unknown = names.find((name) => !FILES.includes(name))
if (unknown !== undefined) {
  console.error(`table.mjs: no file is called ${unknown}; there are ${FILES.join(', ')}`)
  process.exit(2)
}
ensureReady()

/** Where a file is; written if it is not there. */
function model(name) {
  const path = join(options.models, `${name}.gguf`)
  if (existsSync(path)) return path
  mkdirSync(options.models, { recursive: true })
  const [, size, layers, mix] = /^(.+?)(?:-(\d+)layers)?-(Q\w+)$/.exec(name)
  console.error(`writing ${path}`)
  node('packages/testkit/scripts/synthetic.mjs', size, mix, path, ...(layers === undefined ? [] : ['--layers', layers]))
  return path
}

/** What a script prints. */
function node(script, ...args) {
  const { status, stdout } = spawnSync(process.execPath, [join(root, script), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error(`${script} ${args.join(' ')} failed`)
  return stdout
}

function measure(name) {
  const path = model(name)
  const { prompt, new: fresh, threads, repeats } = options
  const settings = ['-p', prompt, '-n', fresh, '-t', threads, '-r', repeats, '--json']
  console.error(`measuring ${name}`)
  const beside = JSON.parse(node('bench/llama-cpp/speed.mjs', path, ...settings))
  const alone = JSON.parse(node('packages/cli/dist/main.js', 'bench', '-m', path, ...settings))
  return { name, fileBytes: statSync(path).size, beside, alone }
}

const results = names.map(measure)
const addon = join(root, 'packages/kernels-native/build/Release/fak_native.node')
const machine = {
  date: new Date().toISOString().slice(0, 10),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
  cpu: cpus()[0].model,
  node: process.version,
  addonBytes: statSync(addon).size,
}
if (options.json) console.log(JSON.stringify({ machine, results }))
else print()

function print() {
  const number = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
  const percent = (share) => (share === null ? '-' : `${(100 * share).toFixed(0)} %`)
  const gigabytes = (bytes) => number(bytes / 1e9)
  const row = ({ name, fileBytes, beside, alone }) => {
    const { fak, 'node-llama-cpp': llama } = beside.result
    const { prefill, decode } = alone
    return [
      name,
      `${number(fak.prefill.median)} / ${number(llama.prefill.median)} = ${beside.ratio.prefill.toFixed(2)}`,
      `${number(prefill.macsPerSecond / 1e9)}, ${percent(prefill.shareOfMacRate)}`,
      `${number(fak.decode.median)} / ${number(llama.decode.median)} = ${beside.ratio.decode.toFixed(2)}`,
      `${gigabytes(decode.tokensPerSecond.median * decode.bytesPerToken)}, ${percent(decode.shareOfBandwidth)}`,
      `${gigabytes(Math.min(...alone.bandwidths))} - ${gigabytes(alone.bandwidth)}`,
      alone.loadMs.toFixed(0),
      ((alone.peakRssBytes - fileBytes) / 1e6).toFixed(0),
    ]
  }
  const { prompt, new: fresh, threads, repeats } = options
  const { date, commit, cpu, node: version, addonBytes } = machine
  const { isa, macRate } = results[0].alone
  console.log(
    `${date}, commit ${commit}, ${cpu} (${isa}), ${threads} threads, Node.js ${version}; medians of ${repeats} runs.`,
  )
  console.log(
    `node-llama-cpp with llama.cpp ${results[0].beside.llama}. int8 multiply-adds: ${number(macRate / 1e9)} G/s.`,
  )
  console.log(`Addon: ${number(addonBytes / 1e6)} MB.\n`)
  const heads = [
    'file',
    `prefill ${prompt}: tok/s / llama.cpp`,
    'GMAC/s, share',
    `decode ${fresh}: tok/s / llama.cpp`,
    'GB/s, share',
    'machine GB/s',
    'ready, ms',
    'memory over the file, MB',
  ]
  for (const cells of [heads, heads.map(() => '---'), ...results.map(row)]) console.log(`| ${cells.join(' | ')} |`)
}
