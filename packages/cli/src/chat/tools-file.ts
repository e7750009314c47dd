// --tools: the functions that a model may call, from a file.

import { type ChatTool, checkTools } from '@fak/chat'
import { decodeUtf8, FakError, invalidUtf8At } from '@fak/tensor'
import { readFile } from '../read-file.js'

const MAX_TOOLS_BYTES = 16 * 2 ** 20

/** Reads tool definitions. @throws FakError with a `FILE_` code, `BAD_UTF8`, `CHAT_BAD_TOOL` */
export async function readTools(file: string): Promise<readonly ChatTool[]> {
  const bytes = await readFile(file, MAX_TOOLS_BYTES)
  const offset = invalidUtf8At(bytes)
  if (offset >= 0) throw new FakError('BAD_UTF8', { file, reason: 'is not UTF-8 text', offset })
  let tools: unknown
  try {
    tools = JSON.parse(decodeUtf8(bytes))
  } catch (cause) {
    throw new FakError('CHAT_BAD_TOOL', { file, reason: 'is not JSON', offset: 0, cause })
  }
  checkTools(tools, file)
  return tools
}
