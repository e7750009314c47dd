// A store in a folder of its own, beside a hub on this machine.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FakeHub, type FakeRepo, startFakeHub } from '@fak/testkit/node'
import { onTestFinished } from 'vitest'
import {
  type HubReference,
  ModelStore,
  type ModelStoreOptions,
  type PullEvent,
  parseModelReference,
} from '../src/index.js'

/** Content that cannot be compressed or guessed. */
export const noise = (bytes: number): Buffer => randomBytes(bytes)

/** Everything but the weights of a checkpoint. */
export const checkpointFiles = { 'config.json': '{"a":1}', 'tokenizer.json': '{"b":2}', 'README.md': '# hello' }

export const gguf = 'owner/model-GGUF'

export interface Setting {
  readonly hub: FakeHub
  readonly folder: string
  readonly env: Record<string, string>
  store(options?: ModelStoreOptions): ModelStore
}

/** A hub with repositories, an empty store and an empty cache of Hugging Face's; gone after the test. */
export async function setUp(repos: Record<string, FakeRepo> = {}): Promise<Setting> {
  const hub = await startFakeHub(repos)
  const folder = mkdtempSync(join(tmpdir(), 'fak-hub-'))
  onTestFinished(async () => {
    await hub.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const env = { FAK_HOME: join(folder, 'fak'), HF_HOME: join(folder, 'hf'), HF_ENDPOINT: hub.url }
  const network = { backoffMs: 5, stallMs: 5000, attempts: 4 }
  const store = (options: ModelStoreOptions = {}) => new ModelStore({ env, network, ...options })
  return { hub, folder, env, store }
}

export const reference = (text: string): HubReference => parseModelReference(text) as HubReference

/** The code of the failure that a promise ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no failure',
    (error) => String((error as { code?: unknown }).code ?? error),
  )
}

/** Collects events but for those of progress. */
export function watcher() {
  const events: PullEvent[] = []
  let received = 0
  const onProgress = (event: PullEvent) => {
    if (event.type === 'progress') received = event.received
    else events.push(event)
  }
  return { events, onProgress, received: () => received, retries: () => events.filter(({ type }) => type === 'retry') }
}
