// The saved states of a small model, damaged in one way each. Every refusal leaves the session as it was.

import { createHash } from 'node:crypto'
import { FakError } from '@fak/tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import { answer, open, START, save, setup } from './model.js'

const HEAD = 16
const ENTRY = 128
const END = 64

const { prepared, session } = await setup()
let valid: Uint8Array

beforeAll(async () => {
  const one = session()
  await answer(one, [START, 11, 12, START, 21, START])
  valid = await save(one, { extra: { messages: new TextEncoder().encode('[]') } })
})

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const sha256 = (...pieces: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}

/** The file with its table's checksum made right again, so that what follows it is what is refused. */
function sealed(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - END
  const count = viewOf(bytes).getUint32(end + 8, true)
  const table = bytes.subarray(end - count * ENTRY, end)
  bytes.set(sha256(table, bytes.subarray(0, HEAD), bytes.subarray(end, end + 16)), end + 16)
  return bytes
}

interface Entry {
  readonly name: string
  /** Byte offset of the entry, and of the section and its length. */
  readonly at: number
  readonly offset: number
  readonly length: number
}

function entries(bytes: Uint8Array): Entry[] {
  const end = bytes.length - END
  const count = viewOf(bytes).getUint32(end + 8, true)
  return Array.from({ length: count }, (_, i) => {
    const at = end - (count - i) * ENTRY
    const name = Buffer.from(bytes.subarray(at, at + 72))
    return {
      name: name.subarray(0, name.indexOf(0)).toString(),
      at,
      offset: Number(viewOf(bytes).getBigUint64(at + 80, true)),
      length: Number(viewOf(bytes).getBigUint64(at + 88, true)),
    }
  })
}

const entry = (bytes: Uint8Array, name: string) => entries(bytes).find((each) => each.name === name)!

/** A copy with some bytes changed, and every checksum right. */
function withBytes(name: string, change: (section: Uint8Array) => void): Uint8Array {
  const bytes = valid.slice()
  const { at, offset, length } = entry(bytes, name)
  const section = bytes.subarray(offset, offset + length)
  change(section)
  bytes.set(sha256(section), at + 96)
  return sealed(bytes)
}

/** A copy with one section of other content, of any length; everything behind it moves. */
function withSections(change: (sections: Map<string, Uint8Array>) => void, twice?: string): Uint8Array {
  const sections = new Map(entries(valid).map((e) => [e.name, valid.slice(e.offset, e.offset + e.length)]))
  change(sections)
  const list = [...sections].flatMap(([name, bytes]) => (name === twice ? [0, 1] : [0]).map(() => ({ name, bytes })))
  const parts: Uint8Array[] = [valid.slice(0, HEAD)]
  const table: Uint8Array[] = []
  let at = HEAD
  const put = (bytes: Uint8Array) => {
    parts.push(bytes)
    at += bytes.length
  }
  const pad = () => put(new Uint8Array(Math.ceil(at / 64) * 64 - at))
  for (const { name, bytes } of list) {
    pad()
    const row = new Uint8Array(ENTRY)
    row.set(Buffer.from(name))
    viewOf(row).setUint32(72, name.startsWith('extra/') ? 1 : 0, true)
    viewOf(row).setBigUint64(80, BigInt(at), true)
    viewOf(row).setBigUint64(88, BigInt(bytes.length), true)
    row.set(sha256(bytes), 96)
    table.push(row)
    put(bytes)
  }
  pad()
  const end = new Uint8Array(END)
  viewOf(end).setBigUint64(0, BigInt(at), true)
  viewOf(end).setUint32(8, list.length, true)
  end.set(Buffer.from('fak-send'), 56)
  return sealed(new Uint8Array(Buffer.concat([...parts, ...table, end])))
}

/** A copy that says something else of itself. */
function withAbout(change: (about: Record<string, never>) => void): Uint8Array {
  return withSections((sections) => {
    const about = JSON.parse(Buffer.from(sections.get('about')!).toString())
    change(about)
    sections.set('about', new Uint8Array(Buffer.from(JSON.stringify(about))))
  })
}

async function refusal(bytes: Uint8Array): Promise<FakError> {
  const here = session()
  await answer(here, [1, 2, 3])
  const { tokens } = here
  const before = prepared.stateBytes
  try {
    await here.restore(await open(bytes))
  } catch (error) {
    expect(FakError.isInstance(error)).toBe(true)
    expect(here.tokens).toEqual(tokens)
    expect(prepared.stateBytes).toBe(before)
    await here.step(4)
    await here.dispose()
    return error as FakError
  }
  throw new Error('it was restored')
}

const expectCode = async (bytes: Uint8Array, code: string, field?: string) => {
  const error = await refusal(bytes)
  expect(error).toMatchObject({ code, file: 'talk.fak', ...(field !== undefined && { field }) })
}

it('restores the file that the others are made of, built by either hand', async () => {
  await session().restore(await open(valid))
  expect(withSections(() => {})).toEqual(valid)
})

describe('a file that is no saved session', () => {
  it.each([
    ['of no bytes', new Uint8Array(0), 'STATE_TRUNCATED'],
    ['of text', new Uint8Array(Buffer.from('{"messages": []}'.repeat(20))), 'STATE_BAD_MAGIC'],
    ['of the magic alone', new Uint8Array(Buffer.from('fak-sess')), 'STATE_TRUNCATED'],
  ])('%s', (_, bytes, code) => expectCode(bytes, code))

  it('of a newer format', async () => {
    const bytes = valid.slice()
    viewOf(bytes).setUint32(8, 2, true)
    await expectCode(bytes, 'STATE_BAD_VERSION', 'version')
  })
})

describe('a damaged file', () => {
  it('is refused when it ends early, anywhere', async () => {
    const cuts = new Set(Array.from({ length: 300 }, (_, i) => i))
    for (const { at, offset, length } of entries(valid)) {
      for (const cut of [at, offset, offset + length]) for (const d of [-1, 0, 1]) cuts.add(cut + d)
    }
    for (let cut = valid.length - 300; cut < valid.length; cut++) cuts.add(cut)
    for (const cut of cuts) {
      await expect(open(valid.slice(0, cut))).rejects.toMatchObject({ code: 'STATE_TRUNCATED' })
    }
  })

  it('is refused when bytes follow it', () => expectCode(new Uint8Array([...valid, 0]), 'STATE_TRUNCATED'))

  it('names the section in which a bit is flipped', async () => {
    for (const { name, offset, length } of entries(valid)) {
      if (name.startsWith('extra/')) continue
      const bytes = valid.slice()
      bytes[offset + (length >> 1)]! ^= 1
      await expectCode(bytes, 'STATE_CHECKSUM', name)
    }
  })

  it('is refused for every flipped bit of its head, table and end', async () => {
    const places = [
      ...Array.from({ length: HEAD }, (_, i) => i),
      ...Array.from({ length: 2 * ENTRY + END }, (_, i) => valid.length - 1 - i),
    ]
    for (const place of places) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = valid.slice()
        bytes[place]! ^= 1 << bit
        const error = await open(bytes).catch((cause) => cause)
        expect(error.code, `bit ${bit} of byte ${place}`).toMatch(/^STATE_/)
      }
    }
  })

  it('is refused for bytes between its sections', async () => {
    const { offset, length } = entry(valid, 'tokens')
    const bytes = valid.slice()
    bytes[offset + length] = 1
    await expectCode(bytes, 'STATE_BAD_SECTION', 'tokens')
  })
})

describe('numbers in the table', () => {
  const numbers = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

  it('that place a section where there is none', async () => {
    for (const field of [80, 88]) {
      for (const number of numbers) {
        const bytes = valid.slice()
        const { at } = entry(bytes, 'tokens')
        viewOf(bytes).setBigUint64(at + field, number, true)
        // A length that ends before the same multiple of 64 leaves the table in order.
        const code = field === 88 && number === 1n ? 'STATE_INCONSISTENT' : 'STATE_BAD_SECTION'
        await expectCode(sealed(bytes), code)
      }
    }
  })

  it('that place the table, or count the sections', async () => {
    const end = valid.length - END
    for (const number of numbers) {
      const bytes = valid.slice()
      viewOf(bytes).setBigUint64(end, number, true)
      expect((await refusal(bytes)).code).toBe('STATE_BAD_SECTION')
      if (number >= 2n ** 32n) continue
      const counted = valid.slice()
      viewOf(counted).setUint32(end + 8, Number(number), true)
      expect((await refusal(counted)).code).toBe('STATE_BAD_SECTION')
    }
  })

  it('that are flags nobody knows', async () => {
    const bytes = valid.slice()
    viewOf(bytes).setUint32(entry(bytes, 'tokens').at + 72, 2, true)
    await expectCode(sealed(bytes), 'STATE_BAD_SECTION', 'tokens')
  })

  it('names that are no text', async () => {
    for (const name of [[], [0, 65], [0xff], [65, 0, 66]]) {
      const bytes = valid.slice()
      const { at } = entry(bytes, 'tokens')
      bytes.fill(0, at, at + 72)
      bytes.set(name, at)
      await expectCode(sealed(bytes), 'STATE_BAD_SECTION')
    }
  })
})

describe('sections', () => {
  const state = 'state/layers.0.linear_attn.delta'

  it.each([['tokens'], ['about'], [state], ['state/layers.1.self_attn.k'], ['checkpoint/0/layers.0.linear_attn.conv']])(
    'the %s missing',
    (name) =>
      expectCode(
        withSections((sections) => sections.delete(name)),
        'STATE_MISSING_SECTION',
      ),
  )

  it('one of them twice', () =>
    expectCode(
      withSections(() => {}, 'tokens'),
      'STATE_DUPLICATE_SECTION',
      'tokens',
    ))

  it('an unknown one', async () => {
    await expectCode(
      withSections((sections) => sections.set('draft', new Uint8Array(3))),
      'STATE_UNKNOWN_SECTION',
      'draft',
    )
    const bytes = withSections((sections) => sections.set('draft', new Uint8Array(3)))
    viewOf(bytes).setUint32(entry(bytes, 'draft').at + 72, 1, true)
    expect(await session().restore(await open(sealed(bytes)))).toMatchObject({ replayed: null })
  })

  it('a cache with the rows of other positions', async () => {
    const longer = withSections((sections) => {
      const rows = sections.get('state/layers.1.self_attn.k')!
      sections.set('state/layers.1.self_attn.k', new Uint8Array([...rows, ...rows]))
    })
    await expectCode(longer, 'STATE_INCONSISTENT', 'state/layers.1.self_attn.k')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('a state with %s in it', async (value) => {
    for (const name of [state, 'state/layers.1.self_attn.v', 'checkpoint/0/layers.0.linear_attn.conv']) {
      const bytes = withBytes(name, (section) => viewOf(section).setFloat32(8, value, true))
      await expectCode(bytes, 'STATE_NON_FINITE', name)
    }
  })
})

describe('what it says of itself', () => {
  it('tokens that the context has no room for, or that do not exist', async () => {
    const bytes = withBytes('tokens', (section) => viewOf(section).setUint32(4, 307, true))
    await expectCode(bytes, 'STATE_BAD_TOKEN', 'tokens')
    for (const tokens of [201, 10 ** 12]) {
      await expectCode(
        withAbout((about) => Object.assign(about, { tokens })),
        'STATE_TOO_LONG',
      )
    }
    await expectCode(
      withAbout((about) => Object.assign(about, { tokens: 11 })),
      'STATE_INCONSISTENT',
    )
  })

  it.each([
    ['more computed tokens than tokens', { computed: 11 }],
    ['a checkpoint beyond the tokens', { checkpoints: [{ tokens: 100, row: false }] }],
    ['a checkpoint at the beginning', { checkpoints: [{ tokens: 0, row: false }] }],
    [
      'checkpoints in another order',
      {
        checkpoints: [
          { tokens: 6, row: true },
          { tokens: 3, row: true },
        ],
      },
    ],
  ])('%s', (_, change) =>
    expectCode(
      withAbout((about) => Object.assign(about, change)),
      'STATE_INCONSISTENT',
      'about',
    ),
  )

  it('a state of another shape, showing both', async () => {
    const bytes = withAbout(({ arrays }) => {
      ;(arrays as unknown as { shape: number[] }[])[1]!.shape = [6, 20, 13]
    })
    const error = await refusal(bytes)
    expect(error).toMatchObject({ code: 'STATE_SHAPE_MISMATCH' })
    expect(error.reason).toContain('[6, 20, 13]')
    expect(error.reason).toContain('[6, 20, 12]')
  })

  it.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0xff])],
    ['a list', Buffer.from('[]')],
    ['too much', Buffer.alloc(4 * 2 ** 20 + 1, 32)],
    ['nesting without end', Buffer.from('['.repeat(200_000))],
  ])('%s', (_, text) =>
    expectCode(
      withSections((sections) => sections.set('about', new Uint8Array(text))),
      'STATE_BAD_SECTION',
      'about',
    ),
  )

  it.each([
    { tokens: -1 },
    { tokens: 1.5 },
    { tokens: '10' },
    { cut: 0 },
    { identity: { model: 'x' } },
    { arrays: [{}] },
    { arrays: [{ label: 'x', kind: 'kv', dtype: 'toString', shape: [1] }] },
    { checkpoints: [null] },
    { more: 1 },
  ])('%o', (change) =>
    expectCode(
      withAbout((about) => Object.assign(about, change)),
      'STATE_BAD_SECTION',
      'about',
    ),
  )
})
