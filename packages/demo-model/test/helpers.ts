// What the tests of the demo model share: the files, and the conversations of fixtures/demo.

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { fixturePath } from '@fak/testkit/node'
import { demoModelUrl } from '../src/index.js'

/** The model that is shipped. */
export const shipped = fileURLToPath(demoModelUrl)

/** The same checkpoint by the official quantizer, as Q4_K_M. */
export const q4km = fixturePath('demo', 'demo-Q4_K_M.gguf')

/** A question and what transformers answers in float32, greedily. */
export interface Answer {
  readonly question: string
  readonly thinking: boolean
  readonly promptIds: readonly number[]
  readonly answer: string
  /** From the weights before quantization; without the stop token. */
  readonly answerIds: readonly number[]
  /** From the dequantized weights, where they answer differently. */
  readonly changed: Readonly<Record<'Q8_0' | 'Q4_K_M', readonly number[] | null>>
}

/** The conversations that training/evaluate.py wrote down. */
export const { answers } = JSON.parse(await readFile(fixturePath('demo', 'answers.json'), 'utf8')) as {
  answers: readonly Answer[]
}
