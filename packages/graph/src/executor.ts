// Executor: prepares a Program once and runs it in one call per step. Implemented by the reference executor here, by
// @fak/kernels-native, and by whatever comes later. Nothing above this interface knows which one it has.

import { type DType, FakError, quote, type WeightTensor } from '@fak/tensor'
import type { Program, StateInfo } from './program.js'

/** Weights of a Program by the label of their value. A weight of rank 3 may be a stack, whose matrices lie anywhere. */
export type WeightBindings = ReadonlyMap<string, WeightTensor>

/**
 * How KV caches store their rows: floats; IEEE binary16; or int8 in blocks of 32 along a head's row with a binary16 scale each (34 bytes for
 * 32 numbers). Rows are rounded to nearest even when they enter the cache; attention computes in f32 with their exact values.
 */
export type KvCacheType = 'f32' | 'f16' | 'q8_0'

/** Every {@link KvCacheType}, most exact first. */
export const KV_CACHE_TYPES: readonly KvCacheType[] = ['f32', 'f16', 'q8_0']

/** What {@link PrepareOptions.kvCache} is when it is not given. */
export const DEFAULT_KV_CACHE: KvCacheType = 'f32'

/** Choices that hold for the life of a prepared Program. */
export interface PrepareOptions {
  /** Most tokens of one step (the prefill chunk); sizes the arena. Default 64. */
  maxTokens?: number
  /**
   * Values to keep and return with every step, each under the name given here: its label, that of the op that writes it, or an
   * output's name. Costs their memory and a copy; what is not asked for costs nothing.
   */
  taps?: readonly string[]
  /**
   * How KV caches store their rows. Default {@link DEFAULT_KV_CACHE}. A step whose keys or values are beyond what a type holds ends with
   * `NON_FINITE` naming the op.
   */
  kvCache?: KvCacheType
  /** Sees preparation progress: bytes done of bytes in all. */
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

/** The type to use. @throws FakError `KV_CACHE_UNKNOWN` */
export function chooseKvCache({ kvCache = DEFAULT_KV_CACHE }: PrepareOptions): KvCacheType {
  if (KV_CACHE_TYPES.includes(kvCache)) return kvCache
  const reason = `must be one of ${KV_CACHE_TYPES.join(', ')}, got ${quote(String(kvCache))}`
  throw new FakError('KV_CACHE_UNKNOWN', { reason, field: 'kvCache' })
}

/** Turns Programs into something that runs. */
export interface Executor {
  /** `reference`, `native`, … */
  readonly name: string
  /** One line for people: instruction set, threads. */
  readonly description: string
  /**
   * Binds weights, plans memory and checks that every op and weight type can run.
   *
   * @throws FakError `PROGRAM_UNSUPPORTED` listing every op or type without a kernel, `PROGRAM_MISSING_WEIGHT`,
   * `PROGRAM_WEIGHT_MISMATCH` when a bound tensor's type or shape is not the recorded one, `KV_CACHE_UNKNOWN` for a type that does not exist.
   */
  prepare(program: Program, weights: WeightBindings, options?: PrepareOptions): Promise<PreparedProgram>
}

/** One step of one sequence. */
export interface Step {
  readonly state: SequenceState
  /** 1 to `maxTokens` token ids; they take the positions from `state.position` on. */
  readonly tokens: Uint32Array
  /** By name: rows `[T, columns]` of each input that the Program has, finite numbers. Default none. */
  readonly inputs?: Readonly<Record<string, Float32Array>>
  /** R: how many of the last rows to compute outputs for, 0 to `tokens.length`. Default 1. */
  readonly rows?: number
  /** Seen between phases when the step has more than one token. */
  readonly signal?: AbortSignal
}

/** What a step gives back. Arrays are the caller's own. */
export interface StepResult {
  /** By output name, `[R, …]` row-major. */
  readonly outputs: Readonly<Record<string, Float32Array>>
  /** By label, `[T or R, …]` row-major: the taps asked for at {@link Executor.prepare}. */
  readonly taps: ReadonlyMap<string, Float32Array>
}

/** How one step of several ended; see {@link PreparedProgram.runBatch}. */
export type StepOutcome = PromiseSettledResult<StepResult>

/** How an executor holds one array of a sequence's state; the order is that of {@link Program.states}. */
export interface StateArray {
  readonly label: string
  /** `recurrent`: one array. `kv`: rows, one for every position. */
  readonly kind: StateInfo['kind']
  /** Recurrent arrays are F32; an executor may hold the rows of a cache in a smaller type. */
  readonly dtype: DType
  /** Of the array, or of one position's row. */
  readonly shape: readonly number[]
}

/**
 * A sequence's state as bytes. Whoever restores it vouches that it comes from the same Program, weights and
 * {@link PreparedProgram.arithmetic}: the bytes alone do not tell.
 */
export interface StateContent {
  readonly position: number
  /**
   * Bytes of the array at this index of {@link PreparedProgram.stateArrays}, as {@link SequenceState.read} gave them. Asked once for
   * each array, in order.
   */
  read(index: number): Uint8Array | Promise<Uint8Array>
  /** A state to take the first `position` rows of all caches from, which are not read then. It must hold as many. */
  readonly caches?: SequenceState
}

/** A Program with its weights, ready to run. Steps of one prepared program are run one after another. */
export interface PreparedProgram {
  readonly program: Program
  readonly maxTokens: number
  /** How its KV caches store their rows; f32 where an executor does not say. */
  readonly kvCache?: KvCacheType
  /**
   * Stored types of this Program's matrices that the executor has no kernel for: it expands their rows to f32 block by block at each
   * use, which is slow. Absent where the executor makes no such difference between types.
   */
  readonly dequantized?: readonly DType[]
  /** Bytes that all living sequences hold together; cache rows that several share count once. */
  readonly stateBytes: number
  /** How states are held. */
  readonly stateArrays: readonly StateArray[]
  /**
   * Names the arithmetic: states go from one prepared Program to another with the same weights and the same name, and are continued to
   * the same bits as if they had never left.
   */
  readonly arithmetic: string
  /** A fresh sequence at position 0. */
  createState(): SequenceState
  /**
   * A sequence that goes on from a state that was read before.
   *
   * @throws FakError `STATE_SHAPE_MISMATCH` for bytes that are not as many as the array takes at this position, `STATE_MISMATCH` for
   * `caches` of another prepared Program or with fewer rows, `STATE_BUSY`, `OUT_OF_MEMORY`, `DISPOSED`; what `read` throws
   */
  restoreState(content: StateContent): Promise<SequenceState>
  /**
   * Runs one step and advances the state's position by its tokens. A step of several tokens is all or nothing: when it throws, the
   * state is what it was. So is a step of one token that is refused before it begins. One that fails half-way (`NON_FINITE`,
   * `FILE_CHANGED`) may leave the state lost: keeping the state would take a copy of all recurrent matrices for every decoded
   * token. Every further step on a lost state throws `STATE_LOST` until it is reset ({@link SequenceState.lost}).
   *
   * @throws FakError `ABORTED`, `TOKEN_OUT_OF_RANGE`, `STEP_TOO_LONG`, `STATE_BUSY`, `DISPOSED`, `OUT_OF_MEMORY`,
   * `FILE_CHANGED` when a mapped weight file shrank or changed underneath, `NON_FINITE` where an executor looks for values that are
   * not finite numbers, `STATE_LOST`.
   */
  run(step: Step): Promise<StepResult>
  /**
   * Runs a step of several sequences in one pass over the weights; together they have at most `maxTokens` tokens. Each result is the same bits
   * as that of {@link PreparedProgram.run}. Each sequence ends by itself, as if it had run alone: what is wrong with one is its own outcome
   * and changes nothing for the others, but for what they share: a changed weight file, and memory for the pass. An abort of one takes
   * effect within the pass, which goes on for the others. Absent where the executor has no such pass.
   *
   * @returns The outcome of each step, in their order; reasons are what `run` throws.
   * @throws FakError `STEP_TOO_LONG` when all tokens together are more than `maxTokens`, `DISPOSED`
   */
  runBatch?(steps: readonly Step[]): Promise<StepOutcome[]>
  /**
   * Clocks every step from now on and tells the observer of each that succeeded, before its promise resolves. Without observers nothing is
   * clocked. What an observer throws, {@link PreparedProgram.run} throws after the step. Absent where the executor cannot.
   *
   * @returns Ends it. Safe to call twice.
   */
  profile?(observer: (profile: StepProfile) => void): () => void
  /** Waits for the running step, then frees weights and arena. Safe to call twice. */
  dispose(): Promise<void>
}

/** Where the time of one step went; see {@link PreparedProgram.profile}. Times are in milliseconds. */
export interface StepProfile {
  /** How many sequences shared the step. */
  readonly sequences: number
  /** Of all of them. */
  readonly tokens: number
  /** Rows that outputs were computed for. */
  readonly rows: number
  /** Position of the first token, of the first sequence. */
  readonly position: number
  /** From the call to its result, as JavaScript sees it. */
  readonly totalMs: number
  /** What the executor itself took; `totalMs` has the ways there and back as well. */
  readonly executorMs: number
  /** Of `executorMs`: the copy of the recurrent state that makes a step of several tokens all or nothing. */
  readonly backupMs: number
  /** From the result of the step before to the call of this one; `null` for the first one that is clocked. */
  readonly gapMs: number | null
  /** For each thread, the time it spent in tasks; for the rest of the stages it waited for the others. */
  readonly busyMs: readonly number[]
  /** Stages in order; the tasks of one ran side by side. */
  readonly stages: readonly StageProfile[]
}

/** Part of a {@link StepProfile}: what ran between two points where all threads meet. */
export interface StageProfile {
  readonly ms: number
  /** Too small to share: one thread did it while the others waited. */
  readonly serial: boolean
  readonly tasks: readonly TaskProfile[]
}

/** Part of a {@link StageProfile}. */
export interface TaskProfile {
  /**
   * Indices of {@link Program.ops} that this task does: several where the executor has fused them. An op whose parts must wait for each other
   * is in the task of each part.
   */
  readonly ops: readonly number[]
  /**
   * The op, by its index, that first wants what this task makes ready, such as quantized rows; `ops` are then what is done on the way there,
   * often nothing. `null` for a task that is an op itself.
   */
  readonly prepares: number | null
  /** Pieces that threads claimed. */
  readonly chunks: number
  /** What all threads together spent in it. */
  readonly busyMs: number
}

/** KV rows, conv rows and recurrent matrices of one sequence, valid exactly for `position` tokens. */
export interface SequenceState {
  readonly position: number
  /** Bytes held now, cache rows shared with forks included. */
  readonly byteLength: number
  /** Whether a step failed half-way and left it unusable until {@link SequenceState.reset}. */
  readonly lost: boolean
  /**
   * A sequence of its own at the same position: both go on from here, and neither sees what the other does. It is the checkpoint too: keep
   * a fork to come back to. Recurrent arrays are copied; an executor may share cache rows until one of the two writes.
   *
   * @throws FakError `STATE_BUSY` while a step runs on it, `STATE_LOST`, `DISPOSED`, `OUT_OF_MEMORY`
   */
  fork(): SequenceState
  /**
   * A copy of the bytes of the array at this index of {@link PreparedProgram.stateArrays}: row-major, little-endian; of a cache, the rows of
   * all positions so far.
   *
   * @throws FakError `STATE_BUSY` while a step runs on it, `STATE_LOST`, `DISPOSED`, `OUT_OF_MEMORY`
   */
  read(index: number): Uint8Array
  /** Back to position 0, everything zero. @throws FakError `STATE_BUSY` while a step runs on it. */
  reset(): void
  /** Frees the memory; waits for a running step. Safe to call twice. */
  dispose(): Promise<void>
}
