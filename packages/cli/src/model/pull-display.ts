// A pull as people see it: one line with rate and remaining time on a terminal, remarks that matter anywhere.

import type { PullEvent } from '@fak/hub'
import { oneLine } from '../errors.js'
import type { CliIo } from '../io.js'
import { bytes } from '../output.js'
import { StatusLine } from '../status-line.js'

/** The rate is that of the last so many milliseconds. */
const WINDOW_MS = 5000

/** Shows the events of a pull on stderr. */
export class PullDisplay {
  readonly #io: CliIo
  readonly #status: StatusLine
  readonly #rate = new TransferRate()
  #name = ''

  constructor(io: CliIo) {
    this.#io = io
    this.#status = new StatusLine(io)
  }

  readonly show = (event: PullEvent): void => {
    if (event.type === 'plan') this.#name = event.plan.name
    else if (event.type === 'progress') {
      const speed = this.#rate.at(event.received, performance.now())
      this.#status.update(describeProgress(this.#name, event, speed), event.done, event.total)
    } else if (event.type === 'retry') {
      const wait = `${Math.ceil(event.waitMs / 1000)} s`
      this.#note(`${event.path}: ${event.reason}; trying again in ${wait}`)
    } else if (event.type === 'wait')
      this.#note(`${event.path}: waiting for process ${event.pid}, which is downloading it`)
  }

  /** Takes the line away. */
  end(): void {
    this.#status.clear()
  }

  #note(text: string): void {
    this.#status.clear()
    this.#io.stderr.write(`fak: ${oneLine(text)}\n`)
  }
}

function describeProgress(
  name: string,
  { done, total }: { done: number; total: number },
  speed: number | undefined,
): string {
  const shown = `${name}: ${bytes(done)} of ${bytes(total)}`
  if (speed === undefined || speed <= 0) return `${shown},`
  return `${shown}, ${bytes(Math.round(speed))}/s, ${duration((total - done) / speed)} left,`
}

/** Bytes per second over the last seconds. */
export class TransferRate {
  readonly #seen: { at: number; received: number }[] = []

  /** Takes note of a count at a time in milliseconds. @returns `undefined` while too little is known */
  at(received: number, now: number): number | undefined {
    const last = this.#seen.at(-1)
    if (last === undefined || now - last.at >= 100) this.#seen.push({ at: now, received })
    while (this.#seen.length > 1 && now - this.#seen[0]!.at > WINDOW_MS) this.#seen.shift()
    const first = this.#seen[0]!
    return now - first.at < 500 ? undefined : ((received - first.received) * 1000) / (now - first.at)
  }
}

/** A time for people: `12 s`, `3 min 20 s`, `1 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
