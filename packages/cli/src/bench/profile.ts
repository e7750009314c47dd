// fak bench --profile: from the clocked steps of a run to a table by kind of op and one by stage.

import type { Program, StageProfile, StepProfile, TaskProfile } from '@fak/graph'
import { plural, rate, table } from '../output.js'
import { type Held, opTraffic } from './traffic.js'

/** What ran under one name. All but the shares are per step. */
export interface ProfileRow {
  readonly name: string
  /** Tasks, or stages. */
  readonly count: number
  /** Wall time. Tasks that ran side by side share that of their stage in proportion to what the threads spent in them. */
  readonly ms: number
  /** Of the time of all steps. */
  readonly share: number
  /** Of the threads' time, what they spent waiting for each other. */
  readonly waiting: number
  readonly weightBytes: number
  readonly stateBytes: number
  readonly macs: number
  /** Weight and state bytes per second over what the machine reads. */
  readonly shareOfBandwidth: number
  readonly shareOfMacRate: number | null
}

/** Where the time of a run's steps went; times are per step, in milliseconds. */
export interface RunProfile {
  readonly steps: number
  readonly tokensPerStep: number
  /** From the beginning of one step to that of the next. */
  readonly ms: number
  /** In the stages below. */
  readonly stagesMs: number
  /** Copy of the recurrent state, before the stages. */
  readonly backupMs: number
  /** In the executor, outside of stages and copy. */
  readonly executorMs: number
  /** From JavaScript to the executor and back. */
  readonly callMs: number
  /** In JavaScript, between steps. */
  readonly gapMs: number
  /** For each thread, the share of the stages' time that it spent in tasks. */
  readonly busy: readonly number[]
  readonly ops: readonly ProfileRow[]
  readonly stages: readonly ProfileRow[]
}

interface Ceiling {
  readonly bandwidth: number
  readonly macRate: number | null
}

/** Sums up the steps of a run. */
export function summarizeProfile(held: Held, steps: readonly StepProfile[], ceiling: Ceiling): RunProfile {
  const { program } = held
  const mean = (of: (step: StepProfile) => number) => sum(steps, of) / steps.length
  const stagesOf = (step: StepProfile) => sum(step.stages, ({ ms }) => ms)
  const gaps = steps.flatMap(({ gapMs }) => gapMs ?? [])
  const gapMs = gaps.length === 0 ? 0 : sum(gaps, (gap) => gap) / gaps.length
  const ms = mean(({ totalMs }) => totalMs) + gapMs
  const stagesMs = mean(stagesOf)
  const backupMs = mean((step) => step.backupMs)
  const threads = steps[0]?.busyMs.length ?? 1

  const ops = new Map<string, Sums>()
  const stages = new Map<string, Sums>()
  for (const step of steps) {
    // An op in several parts moves its bytes in the first.
    const moved = new Set<number>()
    for (const stage of step.stages) {
      const busy = sum(stage.tasks, ({ busyMs }) => busyMs)
      const whole = sumsFor(stages, stageName(program, stage))
      whole.count++
      whole.ms += stage.ms
      whole.busyMs += busy
      for (const task of stage.tasks) {
        const row = sumsFor(ops, taskName(program, task))
        row.count++
        row.ms += busy === 0 ? 0 : (stage.ms * task.busyMs) / busy
        row.busyMs += task.busyMs
        for (const op of task.ops) {
          if (moved.has(op)) continue
          moved.add(op)
          const traffic = opTraffic(held, program.ops[op]!, step)
          for (const sums of [row, whole]) {
            sums.weightBytes += traffic.weightBytes
            sums.stateBytes += traffic.stateBytes
            sums.macs += traffic.macs
          }
        }
      }
    }
  }
  const rows = (all: Map<string, Sums>) =>
    [...all].map(([name, sums]) => finish(name, sums, { steps: steps.length, threads, ms, ceiling })).sort(byTime)
  return {
    steps: steps.length,
    tokensPerStep: mean(({ tokens }) => tokens),
    ms,
    stagesMs,
    backupMs,
    executorMs: mean(({ executorMs }) => executorMs) - stagesMs - backupMs,
    callMs: mean(({ totalMs, executorMs }) => totalMs - executorMs),
    gapMs,
    busy: Array.from({ length: threads }, (_, thread) => mean(({ busyMs }) => busyMs[thread]!) / stagesMs),
    ops: rows(ops),
    stages: rows(stages),
  }
}

/** The tables for people. */
export function printProfile(kind: string, profile: RunProfile): string[] {
  const { steps, tokensPerStep, ms } = profile
  const tokens = Number.isInteger(tokensPerStep) ? String(tokensPerStep) : tokensPerStep.toFixed(1)
  const part = (value: number, name: string) => `${time(value)} ms ${name}`
  return [
    `${kind}: ${plural(steps, 'step')} of ${plural(tokens, 'token')}, ${time(ms)} ms each:`,
    `  ${[
      part(profile.stagesMs, 'in stages'),
      part(profile.backupMs, 'copying the state'),
      part(profile.executorMs, 'elsewhere in the executor'),
      part(profile.callMs, 'from JavaScript and back'),
      part(profile.gapMs, 'between steps'),
    ].join(', ')}`,
    `  busy in stages: ${profile.busy.map((share, thread) => `thread ${thread} ${percent(share)}`).join(', ')}`,
    '',
    ...tableOf('op', profile.ops),
    '',
    ...tableOf('stage', profile.stages),
  ]
}

interface Sums {
  count: number
  ms: number
  busyMs: number
  weightBytes: number
  stateBytes: number
  macs: number
}

function sumsFor(all: Map<string, Sums>, name: string): Sums {
  let sums = all.get(name)
  if (sums === undefined) {
    sums = { count: 0, ms: 0, busyMs: 0, weightBytes: 0, stateBytes: 0, macs: 0 }
    all.set(name, sums)
  }
  return sums
}

function finish(
  name: string,
  sums: Sums,
  { steps, threads, ms, ceiling }: { steps: number; threads: number; ms: number; ceiling: Ceiling },
): ProfileRow {
  const seconds = sums.ms / 1000
  const bytes = sums.weightBytes + sums.stateBytes
  const over = (amount: number, perSecond: number) => (seconds === 0 ? 0 : amount / seconds / perSecond)
  return {
    name,
    count: sums.count / steps,
    ms: sums.ms / steps,
    share: sums.ms / steps / ms,
    waiting: sums.ms === 0 ? 0 : Math.max(0, 1 - sums.busyMs / threads / sums.ms),
    weightBytes: sums.weightBytes / steps,
    stateBytes: sums.stateBytes / steps,
    macs: sums.macs / steps,
    shareOfBandwidth: over(bytes, ceiling.bandwidth),
    shareOfMacRate: ceiling.macRate === null ? null : over(sums.macs, ceiling.macRate),
  }
}

/** Kinds of the ops of a task, e.g. `linear + add`; or `rmsNorm for linear` for what an op wants made first. */
function taskName(program: Program, { ops, prepares }: TaskProfile): string {
  const kind = (op: number) => program.ops[op]!.kind
  const names = counted(ops.map(kind)).join(' + ')
  return prepares === null ? names : `${names} for ${kind(prepares)}`.trimStart()
}

function stageName(program: Program, { tasks, serial }: StageProfile): string {
  const names = counted(tasks.map((task) => taskName(program, task))).join(', ')
  return serial ? `(one thread) ${names}` : names
}

/** Each name once, with how often it is there: `4 x linear`. */
function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} x ${name}`))
}

function tableOf(head: string, rows: readonly ProfileRow[]): string[] {
  const cell = (amount: number, ms: number, share: number | null) =>
    amount === 0 || ms === 0 ? '' : `${rate(amount / ms / 1e6)}${share === null ? '' : ` (${percent(share)})`}`
  return table([
    [head, 'count', 'ms', 'share', 'waiting', 'GB/s', 'GMAC/s'],
    ...rows.map(({ name, count, ms, share, waiting, ...row }) => [
      name,
      Number(count.toFixed(1)),
      time(ms),
      percent(share),
      percent(waiting),
      cell(row.weightBytes + row.stateBytes, ms, row.shareOfBandwidth),
      cell(row.macs, ms, row.shareOfMacRate),
    ]),
  ])
}

const time = (ms: number) => ms.toFixed(ms < 10 ? 3 : 1)
const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`
const byTime = (a: ProfileRow, b: ProfileRow) => b.ms - a.ms
const sum = <T>(items: readonly T[], of: (item: T) => number) => items.reduce((total, item) => total + of(item), 0)
