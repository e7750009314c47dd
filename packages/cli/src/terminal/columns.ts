// How wide text is on a terminal: clusters of characters that are drawn as one, and their columns.

import { eastAsianWidth } from 'get-east-asian-width'

/** Characters that are drawn as one. */
export interface Cluster {
  readonly text: string
  readonly columns: number
}

const PLAIN = /^[\u0020-\u007e]*$/
const INVISIBLE = /^[\p{Default_Ignorable_Code_Point}\p{Mark}\p{Control}\p{Surrogate}]+$/u
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** The clusters of a text in order. */
export function* clusters(text: string): Generator<Cluster> {
  if (PLAIN.test(text)) {
    for (const char of text) yield { text: char, columns: 1 }
    return
  }
  for (const { segment } of segmenter.segment(text)) yield { text: segment, columns: clusterColumns(segment) }
}

/** Columns that a text takes on one line. */
export function columns(text: string): number {
  if (PLAIN.test(text)) return text.length
  let sum = 0
  for (const cluster of clusters(text)) sum += cluster.columns
  return sum
}

function clusterColumns(cluster: string): number {
  if (INVISIBLE.test(cluster)) return 0
  if (EMOJI.test(cluster)) return 2
  return eastAsianWidth(cluster.codePointAt(0)!)
}
