import { ReferenceExecutor } from '@fak/graph/reference'
import { describe, expect, it } from 'vitest'
import { executorParity } from '../src/node.js'

describe('reference executor', () => {
  executorParity(it, () => new ReferenceExecutor())

  it('would not agree if the rotary embedding were left out', async () => {
    const tests: (() => Promise<void>)[] = []
    executorParity(
      (_, run) => tests.push(run),
      () => {
        const executor = new ReferenceExecutor()
        const prepare = executor.prepare.bind(executor)
        executor.prepare = (program, ...rest) => {
          const ops = program.ops.map((op) => (op.kind === 'rope' ? { ...op, attrs: { ...op.attrs, dims: 2 } } : op))
          return prepare({ ...program, ops }, ...rest)
        }
        return executor
      },
    )
    await expect(tests[0]!()).rejects.toThrow('meanKl')
    await expect(tests[1]!()).rejects.toThrow('layers.3: row error')
  })
})
