import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const addon = new URL('../build/Release/fak_native.node', import.meta.url).pathname
const print = `console.log(require(${JSON.stringify(addon)}).describe().cores)`

/** CPUs that this process may run on. */
function allowed(): number[] {
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)
  })
}

const linux = process.platform === 'linux'
const taskset = linux && spawnSync('taskset', ['--version']).status === 0

describe.skipIf(!taskset)('threads by default (skipped without taskset)', () => {
  it('are one on one CPU, and no more than the CPUs that are left', () => {
    const cpus = allowed()
    const cores = (list: readonly number[]) =>
      Number(execFileSync('taskset', ['-c', list.join(','), process.execPath, '-e', print], { encoding: 'utf8' }))
    for (const cpu of [cpus[0]!, cpus.at(-1)!]) expect(cores([cpu])).toBe(1)
    const all = cores(cpus)
    expect(all).toBeGreaterThanOrEqual(1)
    expect(all).toBeLessThanOrEqual(cpus.length)
  })
})
