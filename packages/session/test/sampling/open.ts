import type { Sampling } from '../../src/sampling/sampler.js'

/** Sampling from the model's own distribution: no cut, no penalty. */
export const open: Sampling = {
  logitBias: new Map(),
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  penaltyWindow: 0,
  dry: null,
  temperature: 1,
  topK: 0,
  typicalP: 1,
  topP: 1,
  minP: 0,
  seed: 1,
}
