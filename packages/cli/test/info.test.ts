// The parts of fak info on machines that this is not.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findGpus } from '../src/info/gpus.js'
import { isaStates, processorFeatures } from '../src/info/processor.js'
import { fak, scratchFolder } from './harness.js'

const knownIsas = ['scalar', 'avx2', 'avxvnni', 'avx512', 'neon', 'i8mm']

describe('instruction sets', () => {
  it('that are absent say which feature the processor lacks', () => {
    const features = processorFeatures('processor\t: 0\nflags\t\t: fpu avx f16c avx2 fma avx512f avx512dq\n')
    expect(features).toEqual(['f16c', 'avx2', 'fma', 'avx512f', 'avx512dq'])
    const states = isaStates({ isas: ['scalar', 'avx2'], knownIsas, isa: 'avx2' }, 'x64', features)
    expect(states.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'scalar slower',
      'avx2 used',
      'avxvnni absent',
      'avx512 absent',
    ])
    expect(states[2]!.reason).toBe('the processor lacks avx_vnni')
    expect(states[3]!.reason).toBe('the processor lacks avx512bw, avx512vl, avx512_vnni')
  })

  it('that only the build lacks say how to build them', () => {
    const features = processorFeatures('flags : avx2 fma f16c avx_vnni\n')
    const states = isaStates({ isas: ['scalar', 'avx2'], knownIsas, isa: 'avx2' }, 'x64', features)
    expect(states[2]).toMatchObject({
      reason: expect.stringMatching(/built without it/),
      fix: expect.stringMatching(/GCC 11/),
    })
  })

  it('on a plain aarch64 are scalar, and the reason is named', () => {
    const features = processorFeatures('processor : 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n')
    expect(features).toEqual([])
    const states = isaStates({ isas: ['scalar'], knownIsas, isa: 'scalar' }, 'arm64', features)
    expect(states).toEqual([
      { name: 'scalar', state: 'used', reason: null, fix: null },
      { name: 'neon', state: 'absent', reason: 'the processor lacks asimddp', fix: null },
      { name: 'i8mm', state: 'absent', reason: 'the processor lacks asimddp, i8mm', fix: null },
    ])
  })

  it('where the system lists no features are absent without a guess', () => {
    expect(processorFeatures('')).toBeNull()
    const states = isaStates({ isas: ['scalar', 'neon'], knownIsas, isa: 'neon' }, 'arm64', null)
    expect(states[2]!.reason).toBe('this processor or this build does not have it')
  })
})

describe('graphics adapters', () => {
  it('are found by their class, with the name that a driver gives', () => {
    const root = scratchFolder()
    const device = (address: string, files: Record<string, string>) => {
      const folder = join(root, 'sys/bus/pci/devices', address)
      mkdirSync(folder, { recursive: true })
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    }
    device('0000:00:02.0', { class: '0x030000\n', vendor: '0x8086\n', device: '0x9a49\n' })
    device('0000:01:00.0', { class: '0x030200\n', vendor: '0x10de\n', device: '0x2330\n' })
    device('0000:02:00.0', { class: '0x020000\n', vendor: '0x10de\n', device: '0x1\n' })
    const driver = join(root, 'proc/driver/nvidia/gpus/0000:01:00.0')
    mkdirSync(driver, { recursive: true })
    writeFileSync(join(driver, 'information'), 'Model: \t\t NVIDIA H100\nIRQ: 1\n')
    expect(findGpus('linux', 'x64', root)).toEqual([
      { vendor: 'Intel', device: 'PCI device 0x9a49' },
      { vendor: 'NVIDIA', device: 'NVIDIA H100' },
    ])
    expect(findGpus('linux', 'x64', join(root, 'none'))).toEqual([])
    expect(findGpus('win32', 'x64')).toBeNull()
    expect(findGpus('darwin', 'arm64')).toHaveLength(1)
  })
})

it('more threads than cores are a note, and no failure', async () => {
  const { code, stdout } = await fak(['info', '--threads', '1024'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^note: threads \(1024 are more than .*\)\n {2}to fix it, leave --threads/m)
})

it('a store that cannot be read is a finding, and everything else is shown', async () => {
  const home = join(scratchFolder(), 'home')
  mkdirSync(home)
  writeFileSync(join(home, 'models'), 'no folder')
  const { code, stdout, stderr } = await fak(['info'], { env: { FAK_HOME: home } })
  expect(code).toBe(1)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^models +unknown: .*models cannot be read: ENOTDIR$/m)
  expect(stdout).toMatch(/^executor /m)
  expect(stdout).toMatch(/^broken: stored models \(.* cannot be read: ENOTDIR\)\n {2}to fix it, .*FAK_HOME$/m)
  const told = JSON.parse((await fak(['info', '--json'], { env: { FAK_HOME: home } })).stdout)
  expect(told.store).toMatchObject({ models: 0, damaged: [], problem: expect.stringMatching(/ENOTDIR/) })
  expect(told.missing).toContainEqual(expect.objectContaining({ what: 'stored models' }))
})
