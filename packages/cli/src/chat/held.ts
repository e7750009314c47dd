// Answers of a given form, sorted. Whatever stands in them is theirs, `<tool_call>` in a JSON string too, so the tokens say where the thought ends
// and not the text.

import type { ChatEvent } from '@fak/chat'
import type { SessionEvent } from '@fak/session'
import type { SortedEvent } from './turn.js'

/**
 * Sorts the events of a generation with a grammar into thinking and answer.
 *
 * @param end the token that ends the thought; `null` where there is none
 */
export async function* sortHeld(
  generation: AsyncIterable<SessionEvent>,
  end: number | null,
): AsyncGenerator<SortedEvent, void> {
  let thinking = end !== null
  let length = 0
  // White space around a thought is layout.
  let space = ''
  let begun = false
  const said = function* (text: string): Generator<ChatEvent> {
    if (text === '') return
    if (!thinking) return yield { type: 'text', text, raw: text }
    const words = (begun ? space + text : text.trimStart()).trimEnd()
    space = (begun ? space + text : text.trimStart()).slice(words.length)
    if (words === '') return
    begun = true
    yield { type: 'reasoning', text: words, raw: words }
  }
  for await (const event of generation) {
    if (event.type === 'text') continue
    // A character that was not finished comes with the end.
    if (event.type === 'done') yield* said(event.text.slice(length))
    yield event
    if (event.type !== 'token') continue
    length += event.text.length
    if (event.id === end && thinking) thinking = false
    else if (thinking || event.forced !== true) yield* said(event.text)
  }
}
