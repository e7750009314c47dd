// Calls of tools as people read them.

import type { ToolCallEnd, ToolCallIncomplete } from '@fak/chat'
import { oneLine } from '../errors.js'

/** A call on one line: `get_weather({"city": "Zürich"})`; of one that was cut off, what there is. */
export function callLine(
  call: Pick<ToolCallEnd, 'type' | 'name' | 'json'> | Pick<ToolCallIncomplete, 'type' | 'text'>,
): string {
  if (call.type === 'tool-call') return `${oneLine(call.name)}(${oneLine(call.json)})`
  return `(cut off) ${oneLine(call.text.replace(/\s*\n\s*/g, ' '))}`
}
