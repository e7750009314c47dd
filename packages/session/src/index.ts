// @fak/session: a conversation with a model. State, prefill, sampling, stop rules, streaming events.

export { type BatchOptions, batchSteps } from './batch.js'
export type { Constraint, ConstraintState } from './constraint.js'
export { type EmbedOptions, embed } from './embed.js'
export type {
  DoneEvent,
  FinishReason,
  PrefillEvent,
  SessionEvent,
  TextEvent,
  Timings,
  TokenEvent,
} from './events.js'
export type { SessionTokenizer } from './generation.js'
export {
  type GenerateOptions,
  MAX_STOP_STRING_LENGTH,
  MAX_STOP_STRINGS,
  MAX_TEMPERATURE,
  MAX_TOP_LOGPROBS,
} from './options.js'
export type { ReasoningOptions, Thought } from './reasoning.js'
export type { DryOptions } from './sampling/dry.js'
export { banTokens, logSumExp, type TokenLogprob, topLogprobs } from './sampling/logits.js'
export { MAX_SEED } from './sampling/random.js'
export type { Sampling } from './sampling/sampler.js'
export type { SavedCheckpoint, SessionIdentity } from './saved/about.js'
export { fingerprint, modelFingerprint } from './saved/fingerprint.js'
export { openSavedSession, SavedSession } from './saved/saved-session.js'
export {
  createSession,
  type EvaluatedRows,
  type Prompt,
  type RestoreOptions,
  type RestoreResult,
  type SaveOptions,
  Session,
  type SessionOptions,
  type SyncResult,
  type TokenList,
} from './session.js'
export type { DraftContext, Drafter, SpeculationFigures } from './speculation/drafter.js'
export { type MtpOptions, mtpDrafter } from './speculation/mtp.js'
export { type NgramOptions, ngramDrafter } from './speculation/ngram.js'
export { type KeptState, StateCache, type StateCacheOptions } from './state-cache.js'
export type { PrefixReuse } from './timeline.js'
