import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Draft } from '../src/editor/draft.js'
import { History, MAX_HISTORY, stateFolder } from '../src/editor/history.js'
import { scratchFolder } from './harness.js'

const folder = scratchFolder()

describe('earlier messages', () => {
  it('are bounded, in memory and in the file', () => {
    const file = join(folder, 'long')
    writeFileSync(file, Array.from({ length: 2 * MAX_HISTORY }, (_, i) => `"${i}"\n`).join(''))
    const history = new History(file)
    expect(history.entries).toHaveLength(MAX_HISTORY)
    history.add('new')
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(MAX_HISTORY)
    expect(lines.at(-1)).toBe('"new"')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('survive lines that are none, and keep line breaks', () => {
    const file = join(folder, 'odd')
    writeFileSync(file, '"one"\nnot json\n{"a":1}\n"two\\nlines"\n"cut')
    const history = new History(file)
    expect(history.entries).toEqual(['one', 'two\nlines'])
    history.add('x'.repeat(20_000))
    expect(readFileSync(file, 'utf8')).not.toContain('xxx')
  })

  it('that cannot be kept are said to be so, and the chat goes on', () => {
    const history = new History(folder)
    expect(history.failed).toMatch(/cannot be kept in .*EISDIR/)
    history.add('x')
    expect(history.entries).toEqual(['x'])
  })

  it('of several runs at once are all kept', async () => {
    const file = join(folder, 'shared')
    const runs = ['a', 'b', 'c'].map(async (name) => {
      const history = new History(file)
      for (let i = 0; i < 20; i++) {
        history.add(`${name}${i}`)
        await new Promise((done) => setTimeout(done, i % 3))
      }
    })
    await Promise.all(runs)
    const kept = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(new Set(kept).size).toBe(60)
  })

  it('lie where the system keeps such things', () => {
    expect(stateFolder({ FAK_STATE: '/s' }, 'linux')).toBe('/s')
    expect(stateFolder({ XDG_STATE_HOME: '/x', HOME: '/h' }, 'linux')).toBe(join('/x', 'fak'))
    expect(stateFolder({ HOME: '/h' }, 'darwin')).toBe(join('/h', '.local', 'state', 'fak'))
    expect(stateFolder({ LOCALAPPDATA: 'C:\\L' }, 'win32')).toBe(join('C:\\L', 'fak'))
    expect(stateFolder({}, 'linux')).toBeUndefined()
  })
})

describe('a draft', () => {
  const draft = (text: string, cursor?: number) => {
    const made = new Draft()
    made.replace(text, cursor)
    return made
  }

  it('moves and deletes by what is drawn as one character', () => {
    const family = draft('a👩‍👩‍👧é')
    family.left()
    family.backspace()
    expect(family.text).toBe('aé')
    family.undo()
    expect(family.text).toBe('a👩‍👩‍👧é')
  })

  it('moves by words and lines', () => {
    const text = draft('one two\nthree, four')
    text.wordLeft()
    expect(text.cursor).toBe(15)
    text.up()
    expect(text.cursor).toBe(7)
    text.home()
    text.wordRight()
    expect(text.cursor).toBe(3)
    expect(text.down()).toBe(true)
    expect(text.cursor).toBe(11)
    text.killToEnd()
    expect(text.text).toBe('one two\nthr')
    text.yank()
    expect(text.text).toBe('one two\nthree, four')
    text.killWordLeft()
    expect(text.text).toBe('one two\nthree, ')
    text.killToStart()
    expect(text.text).toBe('one two\n')
    text.backspace()
    expect(text.text).toBe('one two')
    expect(text.down()).toBe(false)
  })
})
