// From the codes that native code returns to the errors that callers see.

import type { Program } from '@fak/graph'
import { FakError, type FakErrorDetails } from '@fak/tensor'

/** By outcome number (native/executor/step.h), from 1; 0 is success. */
const OUTCOMES: readonly { readonly code: string; readonly reason: string }[] = [
  { code: 'ABORTED', reason: 'the caller aborted' },
  { code: 'NON_FINITE', reason: 'the op gave a value that is not finite; its weights may be damaged' },
  { code: 'FILE_CHANGED', reason: 'the weight file shrank or was written to while in use; load the model again' },
  { code: 'OUT_OF_MEMORY', reason: 'no memory is left for the state or its copy' },
  { code: 'STATE_LOST', reason: 'an earlier step on this state failed half-way; reset it or begin a new one' },
  {
    code: 'NON_FINITE',
    reason: "a key or value is beyond what this type of KV cache holds, or not finite; prepare with kvCache: 'f32'",
  },
]

/** Outcomes of sequences that took no part in their step. */
export function neverBegan(outcome: number): boolean {
  return outcome === 4 || outcome === 5
}

/** The error for an outcome that is not success, or undefined. */
export function errorOf(
  outcome: number,
  op: number,
  program: Program,
  { files, signal }: { files: readonly string[]; signal: AbortSignal | undefined },
): FakError | undefined {
  if (outcome === 0) return undefined
  const { code, reason } = OUTCOMES[outcome - 1]!
  const details: FakErrorDetails = { reason, field: program.ops[op]?.label ?? null }
  if (code === 'FILE_CHANGED' && files.length === 1) details.file = files[0]!
  if (code === 'ABORTED') details.cause = signal?.reason
  return new FakError(code, details)
}

/** What `prepare` and `createState` may meet on the native side. */
export function nativeFailure(cause: unknown): FakError {
  const { message } = cause as Error
  return /bad_alloc|Resource temporarily unavailable/.test(message)
    ? new FakError('OUT_OF_MEMORY', { reason: 'no memory or threads are left for the program', cause })
    : new FakError('PROGRAM_UNSUPPORTED', { reason: message, cause })
}
