// Files that go along with a message: text is taken, images are refused with a clear word.

import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeUtf8, FakError, invalidUtf8At } from '@fak/tensor'
import { readFile } from '../read-file.js'

/** Largest file that is read into a message: more than any context of the family holds. */
export const MAX_ATTACHMENT_BYTES = 4 * 2 ** 20

const BRANDS = ['heic', 'heix', 'mif1', 'msf1', 'avif'].map((brand) => `ftyp${brand}`)

/** How images begin: bytes as Latin-1 text, and where they stand. */
const SIGNATURES: readonly (readonly [kind: string, at: number, texts: readonly string[]])[] = [
  ['PNG', 0, ['\x89PNG\r\n']],
  ['JPEG', 0, ['\xff\xd8\xff']],
  ['GIF', 0, ['GIF87a', 'GIF89a']],
  ['WebP', 8, ['WEBP']],
  ['TIFF', 0, ['II*\0', 'MM\0*']],
  ['HEIF or AVIF', 4, BRANDS],
  ['BMP', 6, ['\0\0\0\0']],
]
const IMAGE_NAME = /\.(png|jpe?g|gif|webp|bmp|tiff?|heic|heif|avif)$/i

/** The kind of image that bytes begin as; `null` for anything else. */
export function imageKind(bytes: Uint8Array): string | null {
  const head = String.fromCharCode(...bytes.subarray(0, 16))
  const fits = (at: number, text: string) => head.startsWith(text, at)
  const found = SIGNATURES.find(([, at, texts]) => texts.some((text) => fits(at, text)))?.[0] ?? null
  // The bytes that are zero in a bitmap are in many files.
  return found === 'BMP' && !fits(0, 'BM') ? null : found
}

/** The refusal of an image. */
export function noImages(file: string, kind: string): FakError {
  const reason = `is an image (${kind}); this program runs the text part of models, which sees no images`
  return new FakError('IMAGE_UNSUPPORTED', { file, reason })
}

/**
 * Reads a text file.
 *
 * @throws FakError with a `FILE_` code, `FILE_TOO_LARGE`, `IMAGE_UNSUPPORTED`, `BINARY_FILE`, `BAD_UTF8`
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readFile(file, MAX_ATTACHMENT_BYTES)
  const kind = imageKind(bytes)
  if (kind !== null) throw noImages(file, kind)
  const zero = bytes.indexOf(0)
  if (zero >= 0) throw new FakError('BINARY_FILE', { file, reason: 'is no text: it has a zero byte', offset: zero })
  const offset = invalidUtf8At(bytes)
  if (offset >= 0) throw new FakError('BAD_UTF8', { file, reason: 'is not UTF-8 text', offset })
  return decodeUtf8(bytes).replace(/\r\n/g, '\n')
}

/** A file's text as a part of a message, in a fence longer than any inside it. */
export function attached(file: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `File ${basename(file)}:\n${fence}\n${text.replace(/\n$/, '')}\n${fence}`
}

/** An image file that a message names, typed or dropped on the terminal; `null` if there is none. In `code` a name is a name. */
export function imageIn(message: string): string | null {
  const words = message.replace(/`[^`]*`/g, ' ').match(/"[^"]+"|'[^']+'|(?:\\.|\S)+/g) ?? []
  return words.map(pathOf).find((path) => IMAGE_NAME.test(path) && isFile(path)) ?? null
}

/** The path that a word stands for: without quotes and escapes, `~` for the home. */
export function pathOf(word: string): string {
  const bare = /^(["']).*\1$/.test(word)
    ? word.slice(1, -1)
    : process.platform === 'win32'
      ? word
      : word.replace(/\\(.)/g, '$1')
  if (bare.startsWith('file://')) {
    try {
      return fileURLToPath(bare)
    } catch {
      return bare
    }
  }
  return bare === '~' || bare.startsWith('~/') ? join(homedir(), bare.slice(1)) : bare
}

/** Whether there is such a file. */
export function isFile(path: string): boolean {
  try {
    return path.length < 4096 && existsSync(path) && statSync(path).isFile()
  } catch {
    return false
  }
}

/** The words of a command's arguments: separated by spaces, except in quotes. */
export const wordsOf = (text: string): string[] => text.match(/"[^"]+"|'[^']+'|(?:\\.|\S)+/g) ?? []
