// What fak info finds out: the machine, what runs on it, and what is missing or broken with the fix.

import { accessSync, constants } from 'node:fs'
import { availableParallelism, cpus, freemem, release, totalmem } from 'node:os'
import { arch, constrainedMemory, platform, versions } from 'node:process'
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import * as ops from '@fak/graph'
import { loadNative, nativeInfo } from '@fak/kernels-native'
import { VERSION } from '../context.js'
import { bytes } from '../output.js'
import { findGpus } from './gpus.js'
import { isaStates, processorFeatures } from './processor.js'
import type { StoreFacts } from './store.js'

/** The oldest Node.js that the packages state in `engines`. */
const OLDEST_NODE = [20, 19] as const

/** Something to do something about. */
export interface Finding {
  /** `broken`: what is there does not work. `missing`: it works without, slower. `note`: it works, and could be better. */
  readonly level: 'broken' | 'missing' | 'note'
  readonly what: string
  readonly reason: string
  readonly fix: string
}

/** Everything. */
export type Diagnosis = ReturnType<typeof diagnose>

/**
 * Looks at everything.
 *
 * @throws FakError `NATIVE_BAD_THREADS`, `NATIVE_BAD_ISA`
 */
export function diagnose(choice: { threads?: number; isa?: string }, store: StoreFacts) {
  const info = nativeInfo(choice)
  const features = processorFeatures()
  const native = info && { ...info, isaStates: isaStates(info, arch, features) }
  const machine = {
    platform,
    arch,
    release: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    features,
    logicalCores: cpus().length,
    /** Logical cores that the process may run on. */
    usableCores: availableParallelism(),
    memoryBytes: totalmem(),
    freeBytes: freemem(),
    /** What a container lets the process have; `null` without such a limit. */
    memoryLimitBytes: memoryLimit(),
    gpus: findGpus(platform, arch),
  }
  const findings = [
    ...checkNode(),
    ...checkNative(choice),
    ...checkThreads(native),
    ...checkDemo(),
    ...checkMemory(machine),
    ...checkStore(store),
  ]
  return {
    version: VERSION,
    node: versions.node,
    machine,
    executors: {
      native: native ?? null,
      reference: { ops: Object.values(ops.ops).map(({ kind }) => kind) },
    },
    store,
    findings,
    /** Of the findings those that are missing or broken. */
    missing: findings.filter(({ level }) => level !== 'note').map(({ what, reason, fix }) => ({ what, reason, fix })),
  }
}

/** Node tells 0, or more than the machine has, where nothing limits the process. */
function memoryLimit(): number | null {
  const limit = constrainedMemory()
  return limit > 0 && limit < totalmem() ? limit : null
}

function checkNode(): Finding[] {
  const [major = 0, minor = 0] = versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return []
  const wanted = OLDEST_NODE.join('.')
  return [
    {
      level: 'broken',
      what: 'Node.js',
      reason: `${versions.node} is older than ${wanted}`,
      fix: 'install the current long-term release from https://nodejs.org',
    },
  ]
}

function checkNative(choice: { threads?: number; isa?: string }): Finding[] {
  const load = loadNative(choice)
  if (load.executor !== undefined) return []
  const { reason, fix, broken } = load
  return [{ level: broken ? 'broken' : 'missing', what: 'native kernels', reason, fix }]
}

function checkThreads(native: { readonly threads: number; readonly cores: number } | undefined): Finding[] {
  if (native === undefined || native.threads === native.cores) return []
  const { threads, cores } = native
  const reason =
    threads > cores
      ? `${threads} are more than the ${cores} cores that this process may use: they wait for each other`
      : `${threads} of the ${cores} cores that this process may use`
  return [{ level: 'note', what: 'threads', reason, fix: 'leave --threads and FAK_THREADS away' }]
}

function checkDemo(): Finding[] {
  try {
    accessSync(fileURLToPath(demoModelUrl), constants.R_OK)
    return []
  } catch {
    const reason = `${fileURLToPath(demoModelUrl)} cannot be read`
    return [{ level: 'broken', what: 'demo model', reason, fix: 'install @fak/demo-model again' }]
  }
}

/** The recurrent states, caches and the program itself, beside the weights of the smallest official model. */
const COMFORTABLE_BYTES = 10 ** 9

function checkMemory({
  freeBytes,
  memoryLimitBytes,
}: {
  freeBytes: number
  memoryLimitBytes: number | null
}): Finding[] {
  const room = Math.min(freeBytes, memoryLimitBytes ?? Number.POSITIVE_INFINITY)
  if (room >= COMFORTABLE_BYTES) return []
  const reason = `${bytes(room)} are free, a model of 0.8B parameters in Q4_K_M takes about ${bytes(COMFORTABLE_BYTES)}`
  const fix =
    memoryLimitBytes !== null && memoryLimitBytes < freeBytes
      ? 'raise the memory limit of the container'
      : 'end other programs, or take a smaller model or --kv-cache q8_0'
  return [{ level: 'note', what: 'memory', reason, fix }]
}

function checkStore({ damaged, problem }: StoreFacts): Finding[] {
  if (problem !== null) {
    const fix = 'make it a folder that you may read, or name another with FAK_HOME'
    return [{ level: 'broken', what: 'stored models', reason: problem, fix }]
  }
  return damaged.map((name) => ({
    level: 'broken',
    what: `stored model ${name}`,
    reason: 'its files are not what was downloaded',
    fix: `run: fak rm ${name}, then fak pull ${name}`,
  }))
}
