// Instructions that the NEON linear kernels execute for 256 weights, counted under qemu-aarch64 (no machine of that kind is needed), and
// which unit of an Apple P-core they would keep busy longest. Needs CMake, g++-aarch64-linux-gnu and qemu-user.
//
//   node bench/neon/count.mjs [TYPE…]
//
// Every instruction is logged alone, once with rows of 2048 and once of 4096 elements; the difference is what the inner loops execute,
// without prologues. `vector` are instructions on vector registers that are no loads or stores, `multiply` the SDOT and SMMLA among them;
// a pair of registers counts as two loads. Cycles are the largest of vector/4, loads/3, stores/2 and all/8 (docs/apple-analysis.md says
// where these widths come from); B/cycle are stored weight bytes for each. Prefill counts 64 columns and gives cycles for 256 weights and
// one column.

import { spawnSync } from 'node:child_process'
import { createReadStream, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const source = join(root, 'packages', 'kernels-native')
const build = join(tmpdir(), 'fak-neon-count')
const program = join(build, 'linear_count')

/** Stored bytes of 256 weights. */
const bytes = {
  Q4_K: 144,
  Q5_K: 176,
  Q6_K: 210,
  IQ4_XS: 136,
  Q2_K: 84,
  Q3_K: 110,
  Q8_0: 272,
  IQ4_NL: 144,
  MXFP4: 136,
  Q4_0: 144,
}
/** [columns, rows]: decode has the long streams of a slice of rows, prefill whole panels. */
const shapes = [
  [1, 16],
  [2, 16],
  [4, 16],
  [64, 32],
]

const wanted = process.argv.slice(2)
const unknown = wanted.find((type) => bytes[type] === undefined)
if (unknown !== undefined) throw new Error(`unknown type ${unknown}; one of ${Object.keys(bytes).join(', ')}`)

mkdirSync(build, { recursive: true })
const toolchain = join(source, 'cmake', 'aarch64-linux-gnu.cmake')
const flags = ['-DFAK_BENCH=ON', '-DFAK_TESTS=OFF', '-DCMAKE_EXE_LINKER_FLAGS=-static -no-pie']
check('cmake', ['-S', source, '-B', build, `-DCMAKE_TOOLCHAIN_FILE=${toolchain}`, ...flags])
check('cmake', ['--build', build, '--parallel', '2', '--target', 'linear_count'])
const listing = disassembly()

console.log('isa   type    columns  vector  (multiply)  loads  stores    all  cycles  bound   B/cycle')
for (const isa of ['neon', 'i8mm']) {
  for (const type of wanted.length > 0 ? wanted : Object.keys(bytes)) {
    for (const [columns, rows] of shapes) {
      const [short, long] = [
        await executed(isa, type, rows, 2048, columns),
        await executed(isa, type, rows, 4096, columns),
      ]
      const per = (rows * 2048) / 256
      const of = (kind) => (long[kind] - short[kind]) / per / (columns > 4 ? columns : 1)
      const units = { vector: of('vector') / 4, loads: of('loads') / 3, stores: of('stores') / 2, issue: of('all') / 8 }
      const [bound, cycles] = Object.entries(units).sort((a, b) => b[1] - a[1])[0]
      const cells = [
        isa.padEnd(5),
        type.padEnd(7),
        String(columns).padStart(7),
        of('vector').toFixed(1).padStart(7),
        `(${of('multiply').toFixed(1)})`.padStart(11),
        of('loads').toFixed(1).padStart(6),
        of('stores').toFixed(1).padStart(7),
        of('all').toFixed(1).padStart(6),
        cycles.toFixed(1).padStart(7),
        bound.padEnd(7),
        columns > 4 ? '' : (bytes[type] / cycles).toFixed(1).padStart(7),
      ]
      console.log(cells.join(' '))
    }
  }
}

/** The address and kind of every instruction of the kernels. */
function disassembly() {
  const dump = check('aarch64-linux-gnu-objdump', ['-d', '-C', '--no-show-raw-insn', program], 1 << 28)
  const kinds = new Map()
  let inside = false
  for (const line of dump.split('\n')) {
    const name = /^[0-9a-f]+ <(.*)>:$/.exec(line)
    if (name) inside = /fak::(neon|i8mm)::/.test(name[1])
    const instruction = /^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$/.exec(line)
    if (inside && instruction) kinds.set(Number.parseInt(instruction[1], 16), kindOf(instruction[2], instruction[3]))
  }
  return kinds
}

function kindOf(name, operands) {
  const twice = /^(ldp|stp|ldnp|stnp)$/.test(name) ? 2 : 1
  if (/^(ld|prfm)/.test(name)) return { loads: twice }
  if (/^st/.test(name)) return { stores: twice }
  if (/^(sdot|smmla)$/.test(name)) return { vector: 1, multiply: 1 }
  if (/\b[vqdsh]\d+/.test(operands)) return { vector: 1 }
  return {}
}

async function executed(isa, type, rows, k, columns) {
  const log = join(build, 'log')
  let [first, last] = [Number.MAX_SAFE_INTEGER, 0]
  for (const address of listing.keys()) [first, last] = [Math.min(first, address), Math.max(last, address)]
  const range = `0x${first.toString(16)}+0x${(last + 4 - first).toString(16)}`
  const trace = ['-cpu', 'max', '-singlestep', '-d', 'exec,nochain', '-dfilter', range, '-D', log]
  check('qemu-aarch64', [...trace, program, isa, type, String(rows), String(k), String(columns)])
  const sum = { vector: 0, multiply: 0, loads: 0, stores: 0, all: 0 }
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const at = /\/([0-9a-f]{16})\//.exec(line)
    const kind = at && listing.get(Number.parseInt(at[1], 16))
    if (!kind) continue
    sum.all++
    for (const [name, count] of Object.entries(kind)) sum[name] += count
  }
  rmSync(log)
  if (sum.all === 0) throw new Error('the emulator logged no instruction of the kernels')
  return sum
}

function check(command, args, maxBuffer = 1 << 24) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stdout + stderr}`)
  return stdout
}
