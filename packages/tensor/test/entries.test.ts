// The readers' main entries must load in a browser. Kept here for all three, since they share what they stand on.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** Every file that the given one imports by a relative path, itself included, and the other names it imports. */
function imports(file: string, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(file)) return seen
  const names = Array.from(readFileSync(file, 'utf8').matchAll(/(?:from|import) '([^']+)'/g), ([, name]) => name!)
  seen.set(
    file,
    names.filter((name) => !name.startsWith('.')),
  )
  for (const name of names) if (name.startsWith('.')) imports(join(dirname(file), name.replace(/\.js$/, '.ts')), seen)
  return seen
}

describe.each(['tensor', 'gguf', 'safetensors'])('the main entry of @fak/%s', (name) => {
  const source = fileURLToPath(new URL(`../../${name}/src/`, import.meta.url))

  it('runs in a browser: it imports nothing but @fak/tensor', () => {
    const graph = imports(join(source, 'index.ts'))
    expect(graph.size).toBeGreaterThan(5)
    expect(new Set([...graph.values()].flat())).toEqual(name === 'tensor' ? new Set() : new Set(['@fak/tensor']))
  })

  it('reaches every source file, but for those of the Node entry', () => {
    const reached = new Set([...imports(join(source, 'index.ts')).keys(), ...imports(join(source, 'node.ts')).keys()])
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    expect([...reached].sort()).toEqual(files.map((file) => join(source, file)).sort())
  })
})
