// fak info: the machine, which kernel serves what, and what is missing with the fix.

import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { printable, Unwell } from '../errors.js'
import { type Diagnosis, diagnose } from '../info/doctor.js'
import { storeFacts } from '../info/store.js'
import { bytes, plural, table } from '../output.js'
import { integerFrom, MAX_THREADS } from '../values.js'

interface InfoOptions {
  readonly threads?: number
  readonly isa?: string
  readonly json?: boolean
}

/** Makes the command. */
export function infoCommand(context: CommandContext): Command {
  const { output } = context
  return new Command('info')
    .summary('this machine, its kernels, and what is missing')
    .description(
      'Show what this machine offers, which kernel serves which op and why no faster one, and how to get what is missing. ' +
        'Ends with 1 only when something is broken.',
    )
    .option('--isa <name>', 'as if this instruction set were chosen (env FAK_ISA)')
    .option('--threads <n>', 'as if this many threads were chosen (env FAK_THREADS)', integerFrom(1, MAX_THREADS))
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json, ...choice }: InfoOptions) => {
      const found = diagnose(choice, await storeFacts(context))
      if (json === true) await output.json(found)
      else for (const line of lines(found)) await output.line(line)
      if (found.findings.some(({ level }) => level === 'broken')) throw new Unwell()
    })
}

function lines({ version, node, machine, executors, store, findings }: Diagnosis): string[] {
  const { native } = executors
  const { memoryBytes, freeBytes, memoryLimitBytes, features, gpus, logicalCores, usableCores } = machine
  const usable = usableCores < logicalCores ? `, ${usableCores} of them usable` : ''
  const limit = memoryLimitBytes === null ? '' : `, this container may use ${bytes(memoryLimitBytes)}`
  const about = [
    ['fak', version],
    ['node', node],
    ['system', `${machine.platform} ${machine.arch} (${machine.release})`],
    ['processor', `${machine.cpu}, ${logicalCores} logical cores${usable}`],
    ...(features === null
      ? []
      : [['features', features.length === 0 ? 'none that a kernel uses' : features.join(' ')]]),
    ['memory', `${bytes(memoryBytes)}, ${bytes(freeBytes)} free${limit}`],
    ['graphics', gpuLine(gpus)],
    ['models', storeLine(store)],
  ]
  const { executor, kernels } = native === null ? { executor: [], kernels: [] } : nativeLines(native)
  const runs = native === null ? [['executor', 'reference (plain TypeScript, slow)']] : executor
  return [
    ...table([...about, ...runs]),
    ...kernels,
    '',
    ...(findings.length === 0 ? ['nothing is missing'] : []),
    ...findings.flatMap(({ level, what, reason, fix }) => [
      `${level}: ${what} (${printable(reason)})`,
      `  to fix it, ${fix}`,
    ]),
  ]
}

function storeLine({ directory, models, bytes: size, freeBytes, problem }: Diagnosis['store']): string {
  if (problem !== null) return `unknown: ${printable(problem)}`
  const free = freeBytes === null ? '' : `, ${bytes(freeBytes)} of disk free`
  const held = models === 0 ? 'none yet (fak pull 0.8B gets one)' : `${models}, ${bytes(size)}`
  return `${held}, in ${printable(directory)}${free}`
}

function gpuLine(gpus: Diagnosis['machine']['gpus']): string {
  if (gpus === null) return 'not searched for on this system; none would be used'
  if (gpus.length === 0) return 'none found; none would be used: models run on the processor'
  return `${gpus.map(({ vendor, device }) => `${vendor}, ${device}`).join('; ')}: not used, models run on the processor`
}

function nativeLines(native: NonNullable<Diagnosis['executors']['native']>) {
  const { isa, threads, cores, ops, linear, dequantized, isaStates } = native
  const states = isaStates.map(({ name, state, reason, fix }) => [
    name,
    state,
    [reason ?? '', fix === null ? '' : `to fix it, ${fix}`].filter((text) => text !== '').join('; '),
  ])
  const kernelRows = Object.entries(linear).map(([type, kernel]) => [
    type,
    kernel,
    dequantized.includes(type) ? 'expanded to float32 block by block, slow' : 'direct',
  ])
  const others = ops.filter((op) => op !== 'linear' && op !== 'expertLinear')
  return {
    executor: [['executor', `native, ${isa}, ${plural(threads, 'thread')} for ${cores} cores`]],
    kernels: [
      '',
      'instruction sets, slowest first:',
      ...table(states).map((line) => `  ${line}`),
      '',
      `ops with kernels compiled for ${isa}: ${others.join(', ')}`,
      '',
      'linear and expertLinear, by stored type:',
      ...table(kernelRows).map((line) => `  ${line}`),
    ],
  }
}

const EXAMPLES = `
Examples:
  fak info
  fak info --json | jq .missing
  fak info --isa avx2                          which kernels another instruction set would have`
