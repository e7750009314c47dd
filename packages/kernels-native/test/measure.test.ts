import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { measureMachine } from '../src/index.js'
import { isas } from './helpers.js'

describe('measureMachine', () => {
  it.each(isas)('finds plausible rates for %s, beside a free event loop', async (isa) => {
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    const { bandwidth, macRate } = await measureMachine({ threads: 2, isa })
    clearInterval(timer)
    // A slow emulated core and the fastest socket there is are both well inside.
    for (const rate of [bandwidth, macRate]) {
      expect(rate).toBeGreaterThan(1e7)
      expect(rate).toBeLessThan(1e15)
    }
    expect(turns).toBeGreaterThan(2)
  })

  it('ends when the signal says so, before and while it runs', async () => {
    await expect(measureMachine({ threads: 1, signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED' }),
    )
    const controller = new AbortController()
    const running = measureMachine({ threads: 2, signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 50)
    const error = await running.catch((e) => e)
    expect(FakError.isInstance(error, 'ABORTED')).toBe(true)
    expect(error.cause).toEqual(new Error('enough'))
  })

  it('refuses a time that is no time', async () => {
    for (const milliseconds of [0, Number.NaN, 1e6]) {
      await expect(measureMachine({ milliseconds })).rejects.toThrow(
        expect.objectContaining({ code: 'NATIVE_BAD_OPTION', field: 'milliseconds' }),
      )
    }
  })

  it('refuses an instruction set that nothing has', async () => {
    await expect(measureMachine({ isa: 'mmx' })).rejects.toThrow(expect.objectContaining({ code: 'NATIVE_BAD_ISA' }))
  })
})
