// The code in the READMEs of the packages runs: every TypeScript block, in a folder with the files that the blocks open by name. And what
// pages link is there.

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'examples', '.cache', 'readmes')
const readmes = readdirSync(join(root, 'packages'))
  .map((name) => ({ name, path: join(root, 'packages', name, 'README.md') }))
  .filter(({ path }) => existsSync(path))
  .map(({ name, path }) => ({ name, blocks: blocksOf(readFileSync(path, 'utf8')) }))

interface Block {
  readonly code: string
  /** The line that says why the block cannot run, for one that is marked. */
  readonly reason?: string
}

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/(?:(.*)\n)?^```ts(.*)\n([\s\S]*?)^```$/gm)].map(([, before = '', mark, code = '']) => {
    if (mark === '') return { code }
    if (mark === ' no-run' && before.trim() !== '') return { code, reason: before }
    throw new Error(
      `a block is marked \`\`\`ts${mark}; it must be \`\`\`ts, or \`\`\`ts no-run with a reason in the line before`,
    )
  })
}

const back = process.cwd()
beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  copyFileSync(demoModelUrl, join(folder, 'model.gguf'))
  copyFileSync(join(root, 'fixtures', 'tokenizer', 'tokenizer.json'), join(folder, 'tokenizer.json'))
  cpSync(join(root, 'fixtures', 'models', 'moe-r3'), join(folder, 'moe-model'), { recursive: true })
  process.chdir(folder)
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
})
afterAll(() => {
  vi.restoreAllMocks()
  process.chdir(back)
})

describe.each(readmes)('the README of $name', ({ name, blocks }) => {
  it('runs', async () => {
    // The command line's shows commands.
    if (name !== 'cli') expect(blocks.length).toBeGreaterThan(0)
    for (const [i, { code, reason }] of blocks.entries()) {
      if (reason !== undefined) continue
      const path = join(folder, `${name}-${i + 1}.ts`)
      writeFileSync(path, code)
      await import(path)
    }
  })
})

/** Where the relative links of a page lead; code is left out. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '')
  const targets = Array.from(text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g), ([, target]) => target!)
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => join(dirname(page), target))
}

describe('links', () => {
  const inFolder = (name: string) =>
    readdirSync(join(root, name))
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(name, file))
  const documents = [...inFolder('docs'), ...inFolder('docs/decisions')]
  const others = ['README.md', 'CONTRIBUTING.md', 'bench/README.md', 'fixtures/README.md', 'training/README.md']
  const packages = readmes.map(({ name }) => join('packages', name, 'README.md'))

  it.each([...others, ...documents, ...packages])('of %s lead somewhere', (page) => {
    expect(linksOf(page).filter((target) => !existsSync(join(root, target)))).toEqual([])
  })

  it('of the README lead to every document', () => {
    expect(linksOf('README.md')).toEqual(expect.arrayContaining(documents))
  })
})
