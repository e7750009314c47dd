// A pool of threads that do row jobs, each one job at a time, whichever is free.

import { Worker } from 'node:worker_threads'
import { FakError } from '@fak/tensor'
import { type RowJob, runJob } from '../rows.js'
import { type JobMessage, jobMessage, type ResultMessage } from './messages.js'

interface Waiting {
  readonly message: JobMessage
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/** Threads that encode rows. Close it, whatever happens. */
export class RowPool {
  readonly #threads: Worker[] = []
  readonly #idle: Worker[] = []
  readonly #waiting: Waiting[] = []
  readonly #working = new Map<Worker, Waiting>()

  constructor(script: URL, threads: number) {
    for (let i = 0; i < threads; i++) {
      const thread = new Worker(script)
      thread.on('message', (result: ResultMessage) => this.#finish(thread, result))
      thread.on('error', (error) => this.#fail(error))
      thread.on('exit', () => this.#fail(new Error('a thread of the conversion ended')))
      this.#threads.push(thread)
      this.#idle.push(thread)
    }
  }

  /** Does a job on a thread that is free, or on this one when only it can read the rows. */
  run(job: RowJob): Promise<Uint8Array> {
    const message = jobMessage(job)
    if (message === undefined) return runJob(job)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject })
      this.#next()
    })
  }

  /** Ends the threads, also in the middle of a job. */
  async close(): Promise<void> {
    this.#fail(new Error('the conversion has ended'))
    for (const thread of this.#threads) thread.removeAllListeners()
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const thread = this.#idle.pop()!
      const waiting = this.#waiting.shift()!
      this.#working.set(thread, waiting)
      thread.postMessage(waiting.message)
    }
  }

  #finish(thread: Worker, result: ResultMessage): void {
    const { resolve, reject } = this.#working.get(thread)!
    this.#working.delete(thread)
    this.#idle.push(thread)
    if ('bytes' in result) resolve(result.bytes)
    else reject('code' in result ? new FakError(result.code, result) : result.failure)
    this.#next()
  }

  #fail(error: unknown): void {
    for (const { reject } of [...this.#working.values(), ...this.#waiting.splice(0)]) reject(error)
    this.#working.clear()
  }
}
