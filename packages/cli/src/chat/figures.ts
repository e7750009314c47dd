// Parts of the figures below an answer.

import type { TurnDone } from './turn.js'

/** What to say of a thought that its budget ended. */
export function thoughtFigure(thought: TurnDone['thought']): string {
  return thought?.closedBy === 'budget' ? `, thinking ended after ${thought.tokens}` : ''
}

/** What guessing came to, for people. */
export function speculationFigure(speculation: TurnDone['speculation']): string {
  if (speculation === null || speculation.tokensPerPass === null) return ''
  const { drafter, drafted, accepted, tokensPerPass } = speculation
  return `, ${accepted} of ${drafted} guesses right (${drafter}), ${tokensPerPass.toFixed(2)} tokens a pass`
}
