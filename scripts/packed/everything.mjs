// Every published package together in an empty folder: each entry imports, and the command answers.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const scope = join('node_modules', '@fak')
for (const name of readdirSync(scope)) {
  const { exports = {} } = JSON.parse(readFileSync(join(scope, name, 'package.json'), 'utf8'))
  for (const [entry, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue
    const module = await import(`@fak/${name}${entry.slice(1)}`)
    assert.ok(Object.keys(module).length > 0, `@fak/${name}${entry.slice(1)} exports nothing`)
  }
}

const main = join(scope, 'cli', 'dist', 'main.js')
const fak = (...args) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', input: '' })
const answer = fak('chat', '-p', 'What is the capital of France? Answer in one short sentence.')
assert.equal(answer.stdout, 'Paris is the capital of France.\n', answer.stderr)
assert.match(answer.stderr, /native/)
assert.equal(fak('list').status, 0)
