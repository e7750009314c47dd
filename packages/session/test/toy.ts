// A deterministic stand-in for a model: the logits after a prefix are a function of all its tokens, so a state that lost or
// repeated one shows. Implements the whole contract that a session relies on, and records what was asked of it.

import type { PreparedProgram, Program, SequenceState, Step } from '@fak/graph'
import { FakError } from '@fak/tensor'

export interface ToyOptions {
  vocabulary?: number
  maxTokens?: number
  /** Logits of one position, by the tokens up to it. Default: pseudo-random numbers from a hash of all of them. */
  logits?: (tokens: readonly number[], vocabulary: number) => ArrayLike<number>
  /** Whether the step of `count` tokens at `position` fails half-way. That costs the state if it is one token. */
  fails?: (position: number, count: number) => boolean
  /** Runs before each step is computed. */
  onStep?: (step: Step) => Promise<void> | void
}

class ToyState implements SequenceState {
  tokens: number[] = []
  lost = false
  disposed = false
  running = false
  get position() {
    return this.tokens.length
  }
  constructor(private readonly family: ToyState[]) {
    family.push(this)
  }
  get byteLength() {
    return 4 * this.tokens.length
  }
  fork() {
    if (this.running) throw new Error('forked under a running step')
    const fork = new ToyState(this.family)
    fork.tokens = [...this.tokens]
    return fork
  }
  read() {
    if (this.running) throw new Error('read under a running step')
    return new Uint8Array(Float32Array.from(this.tokens).buffer)
  }
  reset() {
    this.tokens = []
    this.lost = false
  }
  async dispose() {
    if (this.running) throw new Error('disposed under a running step')
    this.disposed = true
  }
}

export function toyModel(options: ToyOptions = {}) {
  const { vocabulary = 32, maxTokens = 8, logits = hashedLogits, fails, onStep } = options
  const steps: { tokens: number[]; rows: number }[] = []
  const states: ToyState[] = []
  const program: Program = {
    values: [
      { kind: 'tokens', shape: ['T'], label: 'tokens' },
      { kind: 'activation', shape: ['R', vocabulary], label: 'logits' },
    ],
    states: [],
    ops: [],
    outputs: { logits: 1 },
  }
  const prepared: PreparedProgram = {
    program,
    maxTokens,
    get stateBytes() {
      return states.reduce((sum, state) => sum + (state.disposed ? 0 : state.byteLength), 0)
    },
    stateArrays: [{ label: 'tokens', kind: 'kv', dtype: 'F32', shape: [1] }],
    arithmetic: 'toy',
    createState() {
      return new ToyState(states)
    },
    async restoreState({ position, read, caches }) {
      const state = new ToyState(states)
      const held = (caches as ToyState | undefined)?.tokens.slice(0, position)
      state.tokens = held ?? [...new Float32Array((await read(0)).slice().buffer)]
      return state
    },
    async run(step) {
      const state = step.state as ToyState
      const rows = step.rows ?? 1
      if (state.lost) throw new FakError('STATE_LOST', { reason: 'an earlier step failed half-way' })
      if (state.running) throw new FakError('STATE_BUSY', { reason: 'two steps at once' })
      if (step.tokens.length < 1 || step.tokens.length > maxTokens || rows > step.tokens.length) {
        throw new FakError('STEP_TOO_LONG', { reason: `${step.tokens.length} tokens, ${rows} rows` })
      }
      state.running = true
      try {
        await onStep?.(step)
        const count = step.tokens.length
        if (fails?.(state.tokens.length, count)) {
          state.lost = count === 1
          throw new FakError('NON_FINITE', { reason: 'a weight is damaged' })
        }
        if (step.signal?.aborted) throw new FakError('ABORTED', { reason: 'stopped' })
      } finally {
        state.running = false
      }
      steps.push({ tokens: [...step.tokens], rows })
      const all = [...state.tokens, ...step.tokens]
      const output = new Float32Array(rows * vocabulary)
      for (let row = 0; row < rows; row++) {
        output.set(Array.from(logits(all.slice(0, all.length - rows + row + 1), vocabulary)), row * vocabulary)
      }
      state.tokens = all
      return { outputs: { logits: output }, taps: new Map() }
    },
    async dispose() {},
  }
  return { prepared, steps, states }
}

function hashedLogits(tokens: readonly number[], vocabulary: number): number[] {
  let hash = 2166136261
  for (const id of tokens) hash = Math.imul(hash ^ (id + 1), 16777619)
  return Array.from({ length: vocabulary }, (_, id) => {
    const mixed = Math.imul(hash ^ Math.imul(id + 1, 0x9e3779b1), 0x85ebca6b) >>> 0
    return (mixed / 2 ** 32) * 8
  })
}

/** Logits that make the model say `script[n]` after n generated tokens. */
export function scripted(script: readonly number[], promptLength: number) {
  return (tokens: readonly number[], vocabulary: number) =>
    Array.from({ length: vocabulary }, (_, id) => (id === script[tokens.length - promptLength] ? 5 : 0))
}

/** A stand-in tokenizer: id n is the n-th of these pieces of UTF-8. */
export function toyTokenizer(pieces: readonly (string | Uint8Array)[]) {
  const encoder = new TextEncoder()
  return {
    streamDecoder() {
      const decoder = new TextDecoder()
      return {
        push(id: number) {
          const piece = pieces[id] ?? `<${id}>`
          return decoder.decode(typeof piece === 'string' ? encoder.encode(piece) : piece, { stream: true })
        },
        end: () => decoder.decode(),
      }
    },
  }
}
