// Profiles of steps: who wants them, and from the flat array of native code (native/binding/step_job.cc) to what observers see.

import type { StageProfile, StepProfile, TaskProfile } from '@fak/graph'

type Observer = (profile: StepProfile) => void

/** A step that was clocked. */
export interface Clocked {
  readonly words: Float64Array
  readonly sequences: number
  readonly tokens: number
  readonly rows: number
  readonly position: number
  /** When the step was handed over, in the terms of `performance.now()`. */
  readonly start: number
  /** When its result was there. */
  readonly end: number
}

/** The observers of one prepared program. */
export class Profiler {
  readonly #observers = new Set<{ readonly observer: Observer }>()
  #lastEnd: number | null = null

  /** Whether a step that begins now is to be clocked. */
  get wanted(): boolean {
    return this.#observers.size > 0
  }

  /** See `PreparedProgram.profile`. */
  observe(observer: Observer): () => void {
    if (!this.wanted) this.#lastEnd = null
    // An object of its own, so that one function may observe twice and end each on its own.
    const entry = { observer }
    this.#observers.add(entry)
    return () => void this.#observers.delete(entry)
  }

  /** Tells the observers of a step that has just ended. */
  report({ words, start, end, ...step }: Clocked): void {
    const gapMs = this.#lastEnd === null ? null : start - this.#lastEnd
    this.#lastEnd = end
    const profile = { ...step, totalMs: end - start, gapMs, ...decode(words) }
    for (const { observer } of this.#observers) observer(profile)
  }
}

const NS = 1e-6

function decode(words: Float64Array): Pick<StepProfile, 'executorMs' | 'backupMs' | 'busyMs' | 'stages'> {
  let at = 0
  const next = () => words[at++]!
  const milliseconds = () => next() * NS
  const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
  const [executorMs, backupMs] = [milliseconds(), milliseconds()]
  const [threads, slots, tasks] = [next(), next(), next()]
  const busyMs = times(threads, milliseconds)
  const stages = times(slots, (): StageProfile & { tasks: TaskProfile[] } => {
    const serial = next() === 1
    return { ms: milliseconds(), serial, tasks: [] }
  })
  for (let task = 0; task < tasks; task++) {
    const prepares = next()
    const stage = stages[next()]!
    const [chunks, busy] = [next(), milliseconds()]
    stage.tasks.push({ ops: times(next(), next), prepares: prepares < 0 ? null : prepares, chunks, busyMs: busy })
  }
  return { executorMs, backupMs, busyMs, stages }
}
