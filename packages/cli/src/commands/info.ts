// fak info: the machine, which kernel serves what, and what is missing with the fix.

import { cpus, freemem, release, totalmem } from 'node:os'
import { arch, platform, versions } from 'node:process'
import * as ops from '@fak/graph'
import { loadNative, nativeInfo } from '@fak/kernels-native'
import { Command } from 'commander'
import { type CommandContext, VERSION } from '../context.js'
import { bytes, table } from '../output.js'
import { integerFrom, MAX_THREADS } from '../values.js'

interface InfoOptions {
  readonly threads?: number
  readonly isa?: string
  readonly json?: boolean
}

/** Makes the command. */
export function infoCommand({ output }: CommandContext): Command {
  return new Command('info')
    .summary('this machine, its kernels, and what is missing')
    .description('Show what this machine offers, which kernel serves which op, and how to get what is missing.')
    .option('--isa <name>', 'as if this instruction set were chosen (env FAK_ISA)')
    .option('--threads <n>', 'as if this many threads were chosen (env FAK_THREADS)', integerFrom(1, MAX_THREADS))
    .option('--json', 'print one JSON object')
    .action(async ({ json, ...choice }: InfoOptions) => {
      const info = describe(choice)
      if (json === true) return output.json(info)
      for (const line of lines(info)) await output.line(line)
    })
}

function describe(choice: { threads?: number; isa?: string }) {
  const native = nativeInfo(choice)
  const load = loadNative(choice)
  const missing = load.executor === undefined ? [{ what: 'native kernels', reason: load.reason, fix: load.fix }] : []
  return {
    version: VERSION,
    node: versions.node,
    machine: {
      platform,
      arch,
      release: release(),
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      logicalCores: cpus().length,
      memoryBytes: totalmem(),
      freeBytes: freemem(),
    },
    executors: {
      native: native ?? null,
      reference: { ops: Object.values(ops.ops).map(({ kind }) => kind) },
    },
    missing,
  }
}

function lines({ version, node, machine, executors, missing }: ReturnType<typeof describe>): string[] {
  const { native } = executors
  const about = [
    ['fak', version],
    ['node', node],
    ['system', `${machine.platform} ${machine.arch} (${machine.release})`],
    ['processor', `${machine.cpu}, ${machine.logicalCores} logical cores`],
    ['memory', `${bytes(machine.memoryBytes)}, ${bytes(machine.freeBytes)} free`],
  ]
  const fixes = missing.flatMap(({ what, reason, fix }) => ['', `missing: ${what} (${reason})`, `  to fix it, ${fix}`])
  if (native === null) {
    return [...table([...about, ['executor', 'reference (plain TypeScript, slow)']]), ...fixes]
  }
  const chosen = [
    ['executor', `native, ${native.isa}, ${native.threads} thread${native.threads === 1 ? '' : 's'}`],
    ['instruction sets', native.isas.join(', ')],
    ['ops', native.ops.join(', ')],
  ]
  const kernels = Object.entries(native.linear).map(([type, kernel]) => [
    type,
    kernel,
    native.dequantized.includes(type) ? 'expanded to float32 block by block, slow' : 'direct',
  ])
  return [
    ...table([...about, ...chosen]),
    '',
    'linear, by stored type:',
    ...table(kernels).map((line) => `  ${line}`),
    ...fixes,
  ]
}
