import { describe, expect, it } from 'vitest'
import { ChatParser, parseChat, type ReasoningDelta, type TextDelta } from '../src/index.js'

type StreamPart = Pick<ReasoningDelta | TextDelta, 'type' | 'text'>

/** The prose of a stream. */
class Splitter {
  private readonly parser: ChatParser

  constructor(options: { open: boolean }) {
    this.parser = new ChatParser(options)
  }

  push = (text: string) => this.parser.push(text).flatMap(prose)
  end = () => this.parser.end().flatMap(prose)
}

function prose(event: { type: string }): StreamPart[] {
  const { type, text } = event as ReasoningDelta | TextDelta
  return type === 'reasoning' || type === 'text' ? [{ type, text }] : []
}

/** The parts joined by type, in order. */
function joined(parts: readonly StreamPart[]): StreamPart[] {
  const merged: StreamPart[] = []
  for (const part of parts) {
    const last = merged[merged.length - 1]
    if (last?.type === part.type) merged[merged.length - 1] = { type: part.type, text: last.text + part.text }
    else merged.push(part)
  }
  return merged
}

function split(pieces: readonly string[], open: boolean): StreamPart[] {
  const splitter = new Splitter({ open })
  return joined([...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()])
}

const reasoning = (text: string): StreamPart => ({ type: 'reasoning', text })
const answer = (text: string): StreamPart => ({ type: 'text', text })

const cases: [string, boolean, string, StreamPart[]][] = [
  ['reasoning and answer', true, 'why\n</think>\n\nParis.', [reasoning('why'), answer('Paris.')]],
  ['an answer at once', true, '</think>\n\nParis.', [answer('Paris.')]],
  ['no line breaks', true, 'why</think>Paris.', [reasoning('why'), answer('Paris.')]],
  ['a block that is never closed', true, 'why\n\nstill', [reasoning('why\n\nstill')]],
  ['a block that ends in line breaks', true, 'why\n\n', [reasoning('why\n\n')]],
  ['a block that ends in half a tag', true, 'why\n</thi', [reasoning('why\n</thi')]],
  [
    'tags that only look like it',
    true,
    'a </b> < / </thin </thinker></think>b',
    [reasoning('a </b> < / </thin </thinker>'), answer('b')],
  ],
  ['a second closing tag', true, 'a</think>b</think>c', [reasoning('a'), answer('b</think>c')]],
  ['an opening tag inside', true, 'a<think>b</think>c', [reasoning('a<think>b'), answer('c')]],
  ['spaces kept in the answer', true, 'a</think>\n\n  b \n', [reasoning('a'), answer('  b \n')]],
  ['nothing after the block', true, 'a\n</think>\n\n', [reasoning('a')]],
  ['nothing', true, '', []],
  ['no block', false, 'Paris.\n', [answer('Paris.\n')]],
  ['no block, leading space', false, '\n  Paris', [answer('\n  Paris')]],
  ['no block, a closing tag', false, 'a</think>b', [answer('a</think>b')]],
  ['a block that the model opens', false, '\n<think>\nwhy\n</think>\n\nParis.', [reasoning('why'), answer('Paris.')]],
  ['a block later on', false, 'So: <think>x</think>', [answer('So: <think>x</think>')]],
  ['half an opening tag', false, '<thin', [answer('<thin')]],
  ['a model-opened block that ends at once', false, '<think>\n\n</think>\n\nParis.', [answer('Paris.')]],
  ['spaces without end', false, `${' '.repeat(70)}<think>`, [answer(`${' '.repeat(70)}<think>`)]],
  ['nothing, closed', false, '', []],
]

describe.each(cases)('%s', (_, open, text, parts) => {
  it('is split in one piece', () => {
    expect(split([text], open)).toEqual(parts)
  })

  it('is split the same however it is cut', () => {
    expect(split([...text], open)).toEqual(parts)
    for (let i = 1; i < text.length; i++) {
      expect(split([text.slice(0, i), text.slice(i)], open)).toEqual(parts)
      for (let j = i + 1; j < text.length; j++) {
        expect(split([text.slice(0, i), text.slice(i, j), text.slice(j)], open)).toEqual(parts)
      }
    }
  })
})

describe('a stream', () => {
  it('comes out as soon as it is certain', () => {
    const splitter = new Splitter({ open: true })
    expect(splitter.push('why not')).toEqual([reasoning('why not')])
    expect(splitter.push('\n')).toEqual([])
    expect(splitter.push('more <')).toEqual([reasoning('\nmore ')])
    expect(splitter.push('/think>')).toEqual([])
    expect(splitter.push('\n\nParis')).toEqual([answer('Paris')])
    expect(splitter.push('.')).toEqual([answer('.')])
    expect(splitter.end()).toEqual([])
  })

  it('may be asynchronous', async () => {
    async function* pieces(): AsyncGenerator<string> {
      yield 'why</th'
      yield 'ink>\nPar'
      yield 'is'
    }
    const parts: StreamPart[] = []
    for await (const event of parseChat(pieces(), { open: true })) parts.push(...prose(event))
    expect(joined(parts)).toEqual([reasoning('why'), answer('Paris')])
  })

  it('is split in time linear in its length', () => {
    const time = (length: number): number => {
      const splitter = new Splitter({ open: true })
      const start = performance.now()
      for (let i = 0; i < length; i++) splitter.push('\n')
      splitter.end()
      return performance.now() - start
    }
    const best = (length: number) => Math.min(time(length), time(length), time(length))
    best(2000)
    // 32 times the length; quadratic time would be 1024 times as much.
    expect(best(64_000) / Math.max(best(2000), 1)).toBeLessThan(320)
  })
})
