// --speculate: who guesses the tokens that the model then checks.

import type { Executor, PreparedProgram, PrepareOptions } from '@fak/graph'
import { type Drafter, mtpDrafter, ngramDrafter } from '@fak/session'
import { UsageError } from '../errors.js'
import type { OpenedModel } from '../model/opened.js'

/** What `--speculate` takes. */
export const SPECULATE = ['off', 'auto', 'mtp', 'ngram'] as const

/** One of {@link SPECULATE}. */
export type Speculate = (typeof SPECULATE)[number]

/** Who guesses with a model: `auto` is its draft head, and without one the text. @throws UsageError for `mtp` without a head */
export function whoGuesses(speculate: Speculate, { model }: OpenedModel): 'mtp' | 'ngram' | null {
  if (speculate === 'off') return null
  if (speculate === 'ngram' || (speculate === 'auto' && model.mtp === undefined)) return 'ngram'
  if (model.mtp === undefined) throw new UsageError(`--speculate mtp: there is no draft head: ${model.mtpAbsence}`)
  return 'mtp'
}

/** The draft head of a model, ready to run. */
export function prepareDraftHead(
  executor: Executor,
  { model }: OpenedModel,
  options: PrepareOptions,
): Promise<PreparedProgram> {
  return executor.prepare(model.draftProgram!(), model.mtp!.weights, options)
}

/** A drafter for one conversation. @param head The draft head, if that is to guess. */
export function makeDrafter(head: PreparedProgram | undefined, vocabSize: number): Drafter {
  return head === undefined ? ngramDrafter() : mtpDrafter(head, { vocabSize })
}
