// The prompt of a one-shot chat: -p, what is piped in, or both.

import { fstatSync } from 'node:fs'
import { decodeUtf8, FakError, invalidUtf8At } from '@fak/tensor'
import { oneLine, UsageError } from '../errors.js'
import type { CliIo } from '../io.js'
import type { Output } from '../output.js'
import { imageIn, imageKind, noImages } from './attachments.js'

/** How long -p waits for the first byte of a pipe that may carry more of the prompt. */
const PIPE_WAIT_MS = 1000
/** The same for a socket, which is what a program gives that starts us without thinking of stdin. */
const SOCKET_WAIT_MS = 200
/** Longest prompt read from stdin. */
const MAX_STDIN_BYTES = 64 * 2 ** 20

/**
 * The text to answer, or `null` when there is a terminal to talk on.
 *
 * @param given the text of -p
 * An image that -p names may be nothing but a name, so that is remarked upon and no error.
 *
 * @throws UsageError for an empty prompt; FakError `IMAGE_UNSUPPORTED` for a piped image, `BAD_UTF8` with the offset, `PROMPT_TOO_LARGE`
 */
export async function readPrompt(given: string | undefined, io: CliIo, output: Output): Promise<string | null> {
  const image = given === undefined ? null : imageIn(given)
  if (image !== null)
    output.note(`fak: ${oneLine(noImages(image, 'by its name').message)}; the model gets the text alone`)
  if (io.stdin.isTTY === true) {
    if (given !== undefined) return nonEmpty(given)
    if (io.stdout.isTTY === true) return null
    output.note('fak: the answer goes to a file or pipe; type the prompt, then Ctrl-D')
  }
  const piped = await readStdin(io, given === undefined ? Number.POSITIVE_INFINITY : firstByteWait(io))
  if (piped === null) {
    output.note('fak: nothing came on stdin; answering -p alone')
    return nonEmpty(given!)
  }
  const rest = piped.replace(/\r?\n$/, '')
  return nonEmpty([given, rest].filter((text) => text !== undefined && text !== '').join('\n\n'))
}

function nonEmpty(prompt: string): string {
  if (prompt.trim() === '') throw new UsageError('the prompt is empty; give -p TEXT or pipe text in')
  return prompt
}

/**
 * A file or a closed stdin answers at once. A pipe that nobody writes to would keep -p waiting for ever, which is how
 * programs often start other programs; so -p waits a while for the first byte, and for the end only after that.
 */
function firstByteWait(io: CliIo): number {
  if (io.stdin.fd === undefined) return PIPE_WAIT_MS
  try {
    const stats = fstatSync(io.stdin.fd)
    return stats.isFile() ? Number.POSITIVE_INFINITY : stats.isSocket() ? SOCKET_WAIT_MS : PIPE_WAIT_MS
  } catch {
    return PIPE_WAIT_MS
  }
}

/** All of stdin as text; `null` when nothing arrived in time. */
async function readStdin(io: CliIo, waitMs: number): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  const first = new AbortController()
  const timer = Number.isFinite(waitMs) ? setTimeout(() => first.abort(), waitMs) : undefined
  try {
    await new Promise<void>((resolve, reject) => {
      first.signal.addEventListener('abort', () => resolve())
      io.stdin.on('data', (chunk: Uint8Array | string) => {
        clearTimeout(timer)
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
        size += bytes.length
        if (size > MAX_STDIN_BYTES) {
          const reason = `stdin holds more than the ${MAX_STDIN_BYTES} bytes allowed for a prompt`
          reject(new FakError('PROMPT_TOO_LARGE', { file: '<stdin>', reason }))
        }
        chunks.push(bytes)
      })
      io.stdin.on('end', resolve)
      // A closed descriptor reads as an error rather than as an end.
      io.stdin.on('error', () => resolve())
    })
  } finally {
    clearTimeout(timer)
    io.stdin.removeAllListeners('data')
    io.stdin.pause()
  }
  return first.signal.aborted ? null : decode(Buffer.concat(chunks))
}

function decode(bytes: Uint8Array): string {
  const kind = imageKind(bytes)
  if (kind !== null) throw noImages('<stdin>', kind)
  const offset = invalidUtf8At(bytes)
  if (offset >= 0) throw new FakError('BAD_UTF8', { file: '<stdin>', reason: 'is not UTF-8 text', offset })
  return decodeUtf8(bytes)
}
