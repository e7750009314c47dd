import fc from 'fast-check'
import { lexer, type Token } from 'marked'
import { describe, expect, it } from 'vitest'
import { Inline } from '../src/markdown/inline.js'
import { Markdown } from '../src/markdown/markdown.js'
import { LiveArea } from '../src/terminal/live-area.js'
import { LOOK, textOf } from '../src/terminal/spans.js'
import { emulator } from './screen.js'

const DOCUMENT = `# Title #

A paragraph with **bold**, *em*, \`code\`, ~~no~~ and a [link](https://x.y/z_a_b), https://a.b/c_d_e. It goes on long
enough to be wrapped.
- one
- two **b
  - nested that is long enough that it needs to be wrapped over several lines, truly
1. first
2. second
   \`\`\`ts
   const a = 1
   \`\`\`

> quoted text
> > deeper

| a | b |
|---|--:|
| x | 1 |
| \`long cell with words\` | 22 |

\`\`\`py
def f():
    return "x" # ${'long '.repeat(20)}
\`\`\`
---
- [ ] todo
- [x] done

5*3=15 and 4*2=8; 2 ** 3; snake_case_name; **unclosed
$a_1 * b_2$ costs $5, \\(x_1\\), 你好，世界。这是一个很长的句子，需要换行。👍
\\[
a_1 * b_1
\\]
    indented
Done \u001b[31m\u0007.
`

/** Plays pieces of a text on a terminal as the chat does. */
async function played(pieces: readonly string[], columns: number, rows: number) {
  const screen = emulator(columns, rows)
  const terminal = { columns, rows } as never
  const area = new LiveArea(terminal, true)
  const markdown = new Markdown({ columns, rows, styled: true })
  let highest = 0
  for (const piece of pieces) {
    const done = markdown.push(piece)
    const live = markdown.live()
    highest = Math.max(highest, live.length)
    await screen.write(area.update(done, live))
  }
  await screen.write(area.update(markdown.end(), []))
  return { text: screen.text(), looks: screen.looks(), highest }
}

const cuts = (text: string, at: readonly number[]) => {
  const sorted = [...new Set(at.map((share) => Math.floor(share * text.length)))].sort((a, b) => a - b)
  return [0, ...sorted].map((from, i) => text.slice(from, sorted[i] ?? text.length))
}

describe('Markdown on a terminal', () => {
  it('shows what the text means', async () => {
    const { text } = await played([DOCUMENT], 60, 24)
    for (const line of [
      'Title',
      'A paragraph with bold, em, code, no and a link',
      '(https://x.y/z_a_b), https://a.b/c_d_e. It goes on long',
      '• one',
      '• two **b',
      '  ◦ nested that is long enough that it needs to be wrapped',
      '    over several lines, truly',
      '2. second',
      '   ── ts ──',
      '   const a = 1',
      '│ quoted text',
      '│ │ deeper',
      'a                    │  b',
      '─────────────────────┼───',
      'long cell with words │ 22',
      '── py ──',
      'def f():',
      '• [ ] todo',
      '• [x] done',
      'a_1 * b_1',
      'Done \\u001b[31m\\u0007.',
    ]) {
      expect(text.split('\n').map((shown) => shown.trimEnd())).toContain(line)
    }
    expect(text).toContain('$a_1 * b_2$ costs $5, \\(x_1\\), 你好')
    expect(text).toContain('**unclosed')
  })

  it.each([
    [60, 24],
    [20, 6],
    [7, 24],
  ])('shows the same however the text is cut, at %d columns and %d rows', async (columns, rows) => {
    const whole = await played([DOCUMENT], columns, rows)
    const letters = await played([...DOCUMENT], columns, rows)
    expect(letters.text).toBe(whole.text)
    expect(letters.looks).toBe(whole.looks)
    const share = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(share, async (at) => {
        expect((await played(cuts(DOCUMENT, at), columns, rows)).looks).toBe(whole.looks)
      }),
      { numRuns: 15 },
    )
  })

  it('shows any soup of marks the same however it is cut', async () => {
    const piece = fc.constantFrom(
      ...[
        '*',
        '**',
        '_',
        '`',
        '```',
        '~~',
        '[',
        '](u)',
        '|',
        '|-|',
        '\n',
        '\n\n',
        '> ',
        '- ',
        '1. ',
        '# ',
        ' ',
        '\\',
        '$',
        '<',
        '---',
        'http://h',
      ],
      ...['a', 'b', 'word', '你', 'é', '\t', '\r\n', '\u001b'],
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const text = pieces.join('')
        const whole = await played([text], 24, 12)
        const parts = await played(pieces, 24, 12)
        expect(parts.looks).toBe(whole.looks)
        expect(await played([...text], 24, 12)).toMatchObject({ looks: whole.looks })
      }),
      { numRuns: 60 },
    )
  })

  it('keeps what can still change within the terminal', async () => {
    const table = `| a | b |\n|---|---|\n${'| x | y |\n'.repeat(50)}`
    for (const text of [table, `**${'open '.repeat(400)}`, `\`${'open '.repeat(400)}`, `[${'open '.repeat(400)}`]) {
      const { highest, text: shown } = await played([...text], 40, 12)
      expect(highest).toBeLessThan(12)
      expect(shown.match(/x|open/g)!.length).toBe(text === table ? 50 : 400)
    }
  })

  it('leaves marks where nothing else can show what they mean', () => {
    const markdown = new Markdown({ columns: 40, rows: 24, styled: false })
    const lines = [...markdown.push('## Head\n`code` and *em*\n'), ...markdown.end()].map(textOf)
    expect(lines).toEqual(['## Head', '`code` and em'])
  })

  it('goes on at another width', async () => {
    const markdown = new Markdown({ columns: 40, rows: 24, styled: true })
    const lines = [...markdown.push(`${'word '.repeat(12)}`)]
    markdown.resize({ columns: 20, rows: 24, styled: true })
    lines.push(...markdown.push('word '.repeat(12)), ...markdown.end())
    expect(textOf(lines.at(-2)!).length).toBeLessThanOrEqual(20)
    expect(lines.map(textOf).join(' ').match(/word/g)!.length).toBe(24)
  })
})

describe('emphasis', () => {
  /** Letters with their looks, as ours or as those of `marked`, whose inline rules are CommonMark's too. */
  const ours = (text: string) => {
    const inline = new Inline(10_000)
    return [...inline.push(text), ...inline.end()].flatMap(({ text: said, look }) =>
      [...said].map((c) => `${c}${look & ~LOOK.cyan}`),
    )
  }
  const theirs = (text: string) => {
    const out: string[] = []
    const walk = (tokens: Token[], look: number): void => {
      for (const token of tokens) {
        const more = { strong: LOOK.bold, em: LOOK.italic, del: LOOK.strike }[token.type as string] ?? 0
        const inner = 'tokens' in token ? token.tokens : undefined
        if (inner !== undefined && inner.length > 0) walk(inner, look | more)
        else if ('text' in token) for (const c of String(token.text)) out.push(`${c}${look | more}`)
      }
    }
    walk(lexer(text), 0)
    return out
  }

  it.each([
    '**bold** and *em* and ***both***',
    '**bold *and em* inside**',
    '*em **and bold** inside*',
    'a*b*c and a_b_c and _a_ __b__',
    '2 * 3 * 4 and 2*3=6*1',
    '**2*3=6**',
    '**a *b** c* d',
    '*a **b* c** d',
    '** not bold ** and __ neither __',
    '~~gone~~ and ~one~',
    'foo***bar***baz',
    '*(**foo**)*',
    '**Gomphocarpus (*Gomphocarpus physocarpus*, syn. *Asclepias physocarpa*)**',
    '`*code*` and `` a`b `` and *`c`*',
    'snake_case_name and __init__.py',
    '\\*not\\* *but*',
    '****four****',
    '"**quoted**" and (*paren*).',
  ])('%s', (text) => {
    expect(ours(text)).toEqual(theirs(text))
  })
})
