// Features of the processor as the operating system lists them, and why an instruction set of the native kernels is or is not used.

import { readFileSync } from 'node:fs'

/** What an instruction set asks of the processor (packages/kernels-native/native/isa/cpu.cc), in the names of Linux's /proc/cpuinfo. */
const NEEDS: Readonly<Record<string, { readonly arch: string; readonly features: readonly string[] }>> = {
  avx2: { arch: 'x64', features: ['avx2', 'fma', 'f16c'] },
  avxvnni: { arch: 'x64', features: ['avx2', 'fma', 'f16c', 'avx_vnni'] },
  avx512: {
    arch: 'x64',
    features: ['avx2', 'fma', 'f16c', 'avx512f', 'avx512dq', 'avx512bw', 'avx512vl', 'avx512_vnni'],
  },
  neon: { arch: 'arm64', features: ['asimddp'] },
  i8mm: { arch: 'arm64', features: ['asimddp', 'i8mm'] },
}

/** An instruction set and what became of it. */
export interface IsaState {
  readonly name: string
  readonly state: 'used' | 'slower' | 'not chosen' | 'absent'
  /** One line for everything but the one that is used. */
  readonly reason: string | null
  /** Where something can be done. */
  readonly fix: string | null
}

/** Features that some kernel could use and this processor has; `null` where the system does not list them. */
export function processorFeatures(cpuinfo: string | null = readCpuinfo()): readonly string[] | null {
  if (cpuinfo === null) return null
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]
  if (line === undefined) return null
  const wanted = new Set(Object.values(NEEDS).flatMap(({ features }) => features))
  return line
    .trim()
    .split(/\s+/)
    .filter((flag) => wanted.has(flag))
}

/**
 * States of all instruction sets that this kind of processor could have, slowest first.
 *
 * @param native what the addon found
 * @param arch as `process.arch` has it
 * @param features from {@link processorFeatures}
 */
export function isaStates(
  native: { readonly isas: readonly string[]; readonly knownIsas: readonly string[]; readonly isa: string },
  arch: string,
  features: readonly string[] | null,
): readonly IsaState[] {
  const used = native.isas.indexOf(native.isa)
  return native.knownIsas
    .filter((name) => name === 'scalar' || NEEDS[name]?.arch === arch)
    .map((name): IsaState => {
      const at = native.isas.indexOf(name)
      if (at === used) return { name, state: 'used', reason: null, fix: null }
      if (at > used) {
        const reason = `present and faster, but ${native.isa} was asked for`
        return { name, state: 'not chosen', reason, fix: 'leave --isa and FAK_ISA away' }
      }
      if (at >= 0) return { name, state: 'slower', reason: `present, but ${native.isa} is faster`, fix: null }
      return { name, state: 'absent', ...absence(name, features) }
    })
}

function absence(name: string, features: readonly string[] | null): Pick<IsaState, 'reason' | 'fix'> {
  if (features === null) return { reason: 'this processor or this build does not have it', fix: null }
  const missing = NEEDS[name]!.features.filter((feature) => !features.includes(feature))
  if (missing.length > 0) return { reason: `the processor lacks ${missing.join(', ')}`, fix: null }
  const reason = 'the processor has it, the native kernels were built without it'
  return { reason, fix: 'build them with GCC 11, Clang 12 or newer' }
}

function readCpuinfo(): string | null {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return null
  }
}
