// The file of a saved session: named sections of bytes, each with its checksum, and a table at the end, so that it can be written in one
// pass without holding it.
//
//   0            "fak-sess", u32 version, u32 0
//   16 …         the sections, each at a multiple of 64, zeros between them
//   table        per section 128 bytes: name [72, UTF-8, zero-padded], u32 flags (1: readers may skip it), u32 0, u64 offset, u64 length,
//                SHA-256 of its bytes
//   last 64      u64 offset of the table, u32 sections, u32 0, SHA-256 of all of table, header and these 16 bytes, u64 0, "fak-send"
//
// Numbers are little-endian. Nothing is left over: the sections, the table and the end fill the file.

import { type ByteSource, decodeUtf8, FakError, invalidUtf8At, joinBytes, label } from '@fak/tensor'

/** Layout version of the files that are written; older ones do not exist yet. */
export const FORMAT_VERSION = 1
/** Most sections of a file. */
export const MAX_SECTIONS = 65_536
/** Longest name of a section, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 72

const HEAD_BYTES = 16
const ENTRY_BYTES = 128
const END_BYTES = 64
const ALIGNMENT = 64
const OPTIONAL = 1
const HEAD_MAGIC = 'fak-sess'
const END_MAGIC = 'fak-send'

const ascii = (text: string) => new TextEncoder().encode(text)
const align = (offset: number) => Math.ceil(offset / ALIGNMENT) * ALIGNMENT

/** A section to write. */
export interface SectionContent {
  readonly name: string
  /** A reader that does not know it may skip it. */
  readonly optional?: boolean
  readonly bytes: Uint8Array
}

/** Where a section lies. */
export interface Section {
  readonly name: string
  readonly optional: boolean
  readonly offset: number
  readonly length: number
  /** Byte offset of its entry in the table, for messages. */
  readonly entryOffset: number
  readonly sha256: Uint8Array
}

/** SHA-256 of some pieces of bytes. */
async function sha256(...pieces: Uint8Array[]): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joinBytes(pieces) as Uint8Array<ArrayBuffer>))
}

/** The bytes of a file with these sections; each is asked for when its turn comes. */
export async function* encodeContainer(
  sections: AsyncIterable<SectionContent> | Iterable<SectionContent>,
): AsyncGenerator<Uint8Array, void> {
  const head = new Uint8Array(HEAD_BYTES)
  head.set(ascii(HEAD_MAGIC))
  new DataView(head.buffer).setUint32(8, FORMAT_VERSION, true)
  yield head
  let at = HEAD_BYTES
  const entries: Uint8Array[] = []
  const padding = () => {
    const zeros = new Uint8Array(align(at) - at)
    at += zeros.length
    return zeros
  }
  for await (const { name, optional = false, bytes } of sections) {
    yield padding()
    const entry = new Uint8Array(ENTRY_BYTES)
    entry.set(encodeName(name))
    const view = new DataView(entry.buffer)
    view.setUint32(72, optional ? OPTIONAL : 0, true)
    view.setBigUint64(80, BigInt(at), true)
    view.setBigUint64(88, BigInt(bytes.length), true)
    entry.set(await sha256(bytes), 96)
    entries.push(entry)
    yield bytes
    at += bytes.length
  }
  yield padding()
  const table = joinBytes(entries)
  yield table
  const end = new Uint8Array(END_BYTES)
  const view = new DataView(end.buffer)
  view.setBigUint64(0, BigInt(at), true)
  view.setUint32(8, entries.length, true)
  end.set(await sha256(table, head, end.subarray(0, 16)), 16)
  end.set(ascii(END_MAGIC), 56)
  yield end
}

function encodeName(name: string): Uint8Array {
  const bytes = ascii(name)
  if (bytes.length >= 1 && bytes.length <= MAX_NAME_BYTES) return bytes
  const reason = `a section's name takes ${bytes.length} bytes, allowed: 1 to ${MAX_NAME_BYTES}`
  throw new FakError('STATE_BAD_SECTION', { reason, field: label(name) })
}

/** A saved session's sections, found and checked; their bytes are read when they are asked for. */
export class Container {
  readonly #source: ByteSource
  readonly sections: ReadonlyMap<string, Section>

  private constructor(source: ByteSource, sections: ReadonlyMap<string, Section>) {
    this.#source = source
    this.sections = sections
  }

  /** The file as the caller named it. */
  get file(): string | null {
    return this.#source.name
  }

  /**
   * Reads and checks the table.
   *
   * @throws FakError `STATE_BAD_MAGIC`, `STATE_BAD_VERSION`, `STATE_TRUNCATED`, `STATE_BAD_SECTION`, `STATE_CHECKSUM`,
   * `STATE_DUPLICATE_SECTION`, and the source's own
   */
  static async open(source: ByteSource): Promise<Container> {
    const fail = failureIn(source)
    const { size } = source
    const head = await source.read(0, Math.min(HEAD_BYTES, size))
    const magic = ascii(HEAD_MAGIC)
    const seen = head.subarray(0, magic.length)
    if (!seen.every((byte, i) => byte === magic[i])) {
      throw fail('STATE_BAD_MAGIC', 'this is not a saved session', 0, 'magic')
    }
    if (size < HEAD_BYTES + END_BYTES) {
      throw fail('STATE_TRUNCATED', `the file has ${size} bytes, the least is ${HEAD_BYTES + END_BYTES}`, size, 'end')
    }
    const version = viewOf(head).getUint32(8, true)
    if (version !== FORMAT_VERSION) {
      throw fail(
        'STATE_BAD_VERSION',
        `the format version is ${version}, this build reads ${FORMAT_VERSION}`,
        8,
        'version',
      )
    }
    const endAt = size - END_BYTES
    const end = await source.read(endAt, END_BYTES)
    if (!ascii(END_MAGIC).every((byte, i) => byte === end[56 + i])) {
      throw fail('STATE_TRUNCATED', 'the file does not end as a saved session does', endAt, 'end')
    }
    const count = viewOf(end).getUint32(8, true)
    const tableAt = endAt - count * ENTRY_BYTES
    const found = viewOf(end).getBigUint64(0, true)
    if (count > MAX_SECTIONS || found !== BigInt(tableAt) || tableAt < HEAD_BYTES) {
      const reason = `${count} sections with a table at byte ${found} do not fit a file of ${size} bytes`
      throw fail('STATE_BAD_SECTION', reason, endAt, 'table')
    }
    const table = await source.read(tableAt, count * ENTRY_BYTES)
    if (!sameBytes(await sha256(table, head, end.subarray(0, 16)), end.subarray(16, 48))) {
      throw fail('STATE_CHECKSUM', 'the checksum of the table is wrong', endAt + 16, 'table')
    }
    if (
      viewOf(head).getUint32(12, true) !== 0 ||
      viewOf(end).getUint32(12, true) !== 0 ||
      end.subarray(48, 56).some(Boolean)
    ) {
      throw fail('STATE_BAD_SECTION', 'bytes that must be zero are not', endAt, 'end')
    }
    return new Container(source, sectionsOf(table, tableAt, fail))
  }

  /**
   * The bytes of a section, checked.
   *
   * @throws FakError `STATE_MISSING_SECTION`, `STATE_CHECKSUM`, `STATE_BAD_SECTION`, and the source's own
   */
  async read(name: string): Promise<Uint8Array> {
    const { offset, length, sha256: expected } = this.section(name)
    const padded = await this.#source.read(offset, align(length))
    const bytes = padded.subarray(0, length)
    if (!sameBytes(await sha256(bytes), expected)) {
      throw this.failure('STATE_CHECKSUM', 'the checksum of the section is wrong', name)
    }
    if (padded.subarray(length).some(Boolean)) {
      throw this.failure('STATE_BAD_SECTION', 'bytes behind the section that must be zero are not', name)
    }
    return bytes
  }

  /** @throws FakError `STATE_MISSING_SECTION` */
  section(name: string): Section {
    const section = this.sections.get(name)
    if (section !== undefined) return section
    throw this.failure('STATE_MISSING_SECTION', `there is no section ${label(name)}`)
  }

  /** An error about this file, at a section if one is named. */
  failure(code: string, reason: string, name?: string): FakError {
    const section = name === undefined ? undefined : this.sections.get(name)
    return failureIn(this.#source)(code, reason, section?.offset ?? null, name === undefined ? null : label(name))
  }
}

type Fail = (code: string, reason: string, offset: number | null, field: string | null) => FakError

const failureIn =
  ({ name: file }: ByteSource): Fail =>
  (code, reason, offset, field) =>
    new FakError(code, { file, reason, offset, field })

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const sameBytes = (a: Uint8Array, b: Uint8Array) => a.every((byte, i) => byte === b[i])

function sectionsOf(table: Uint8Array, tableAt: number, fail: Fail): ReadonlyMap<string, Section> {
  const sections = new Map<string, Section>()
  const view = viewOf(table)
  let at = HEAD_BYTES
  for (let entry = 0; entry < table.length; entry += ENTRY_BYTES) {
    const entryOffset = tableAt + entry
    const name = nameOf(table.subarray(entry, entry + MAX_NAME_BYTES))
    if (name === null) throw fail('STATE_BAD_SECTION', 'the name of a section is malformed', entryOffset, null)
    const bad = (reason: string) => fail('STATE_BAD_SECTION', reason, entryOffset, label(name))
    const flags = view.getUint32(entry + 72, true)
    if (flags > OPTIONAL || view.getUint32(entry + 76, true) !== 0) throw bad('the section has unknown flags')
    const [offset, length] = [view.getBigUint64(entry + 80, true), view.getBigUint64(entry + 88, true)]
    // Each begins where the one before it ends: none overlap, and nothing lies between them.
    if (offset !== BigInt(align(at)) || offset + length > BigInt(tableAt)) {
      throw bad(`the section at byte ${offset} with ${length} bytes is not where the file has room for it`)
    }
    if (sections.has(name)) {
      throw fail('STATE_DUPLICATE_SECTION', `there are two sections ${label(name)}`, entryOffset, label(name))
    }
    at = Number(offset + length)
    sections.set(name, {
      name,
      optional: flags === OPTIONAL,
      offset: Number(offset),
      length: Number(length),
      entryOffset,
      sha256: table.slice(entry + 96, entry + ENTRY_BYTES),
    })
  }
  if (align(at) !== tableAt) throw fail('STATE_BAD_SECTION', 'there are bytes that belong to no section', at, 'table')
  return sections
}

/** Text up to the padding, which must be all zeros; `null` for anything else. */
function nameOf(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0)
  const length = end === -1 ? bytes.length : end
  if (length === 0 || bytes.subarray(length).some(Boolean) || invalidUtf8At(bytes, 0, length) !== -1) return null
  return decodeUtf8(bytes.subarray(0, length))
}
