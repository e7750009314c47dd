// From what the user typed after -m to a path: the one place where references are understood and missing models are pulled.

import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { demoModelName, demoModelUrl } from '@fak/demo-model'
import { type HubReference, ModelStore, type PullOptions, type PullPlan, type StoredModel } from '@fak/hub'
import { FakError } from '@fak/tensor'
import type { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { EXIT, Interrupted, UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { bytes } from '../output.js'
import { PullDisplay } from './pull-display.js'

/** What `-m` means, for help texts. */
export const MODEL_HELP =
  'a .gguf file, a directory with safetensors, a stored model (fak list), an official size such as 0.8B, or hf:owner/repo[:quant] (default: the demo model)'

/** Options of every command that takes a model. */
export interface ModelOptions {
  readonly pull?: boolean
  readonly offline?: boolean
}

/** A model that is on this machine. */
export interface LocatedModel {
  /** A .gguf file or a directory. */
  readonly path: string
  /** For people, where it is not the path's own: the name of a stored model, or `demo`. */
  readonly name?: string
  readonly isDemo: boolean
}

/** What locating works with beside the reference. */
export interface LocateContext extends CommandContext {
  readonly signal?: AbortSignal
}

/** Adds what says whether a missing model may be pulled. */
export function addModelOptions(command: Command): Command {
  return command
    .option('--pull', 'download the model without asking, if it is not stored')
    .option('--offline', 'never use the network (env HF_HUB_OFFLINE)')
}

/** The store that the environment names. @throws FakError `BAD_ENVIRONMENT` */
export function openStore({ io }: CommandContext, { offline }: ModelOptions = {}): ModelStore {
  return new ModelStore({ env: io.env, ...(offline === true && { offline }) })
}

/**
 * Finds the model that a reference means. One that is not stored is taken from Hugging Face's cache where it is there; else it is
 * downloaded: at once with `--pull`, after a question on a terminal, and never otherwise.
 *
 * @param reference path, name or reference; the demo model when absent
 * @throws FakError `MODEL_NOT_STORED` with the command that pulls it, and with the codes of `ModelStore.resolve` and `pull`; UsageError
 */
export async function locateModel(
  reference: string | undefined,
  options: ModelOptions,
  context: LocateContext,
): Promise<LocatedModel> {
  if (options.pull === true && options.offline === true) throw new UsageError('--pull and --offline exclude each other')
  if (reference === undefined || reference === demoModelName) {
    return { path: fileURLToPath(demoModelUrl), name: demoModelName, isDemo: true }
  }
  if (reference === '') throw new UsageError('the model is an empty string; give a path or a name')
  const store = openStore(context, options)
  const found = await store.resolve(reference)
  if (found.kind === 'path') return { path: found.path, isDemo: false }
  const model = found.kind === 'stored' ? found.model : await bring(store, found, options, context)
  return { path: model.path, name: model.name, isDemo: false }
}

/** Pulls with progress on stderr. A signal ends it, with a word on how to go on. @throws Interrupted */
export async function pullShown(
  store: ModelStore,
  what: HubReference | PullPlan,
  context: LocateContext,
): Promise<StoredModel> {
  return withDisplay(context, (options) => store.pull(what, options))
}

async function withDisplay<T>(
  { io, output, signal = output.closed }: LocateContext,
  work: (options: PullOptions) => Promise<T>,
): Promise<T> {
  const display = new PullDisplay(io)
  try {
    return await interruptible(io, signal, (until) => work({ signal: until, onProgress: display.show }))
  } catch (error) {
    display.end()
    if (error instanceof Interrupted) output.note(KEPT)
    throw error
  } finally {
    display.end()
  }
}

/** Said when a signal has ended a pull. */
export const KEPT = 'fak: what has come is kept; the same command goes on from there'

async function bring(
  store: ModelStore,
  { reference, cached }: { reference: HubReference; cached: boolean },
  { pull }: ModelOptions,
  context: LocateContext,
): Promise<StoredModel> {
  const { io, signal } = context
  const adopted = cached ? await withDisplay(context, (options) => store.adopt(reference, options)) : undefined
  if (adopted !== undefined) return adopted
  if (pull === true || store.offline) return pullShown(store, reference, context)
  const command = `fak pull ${reference.text}`
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) {
    const reason = `is not stored on this machine; to download it, ${command}, or give --pull`
    throw new FakError('MODEL_NOT_STORED', { file: reference.text, reason })
  }
  const plan = await store.plan(reference, { ...(signal && { signal }) })
  const size = plan.missing < plan.bytes ? `${bytes(plan.missing)} of ${bytes(plan.bytes)}` : bytes(plan.bytes)
  if (!(await agrees(`${plan.name} is not stored on this machine. Download ${size}? [Y/n] `, context))) {
    throw new FakError('MODEL_NOT_STORED', { file: reference.text, reason: `was not downloaded; later: ${command}` })
  }
  return pullShown(store, plan, context)
}

/** Asks on the terminal; Enter agrees. */
async function agrees(question: string, { io, signal }: LocateContext): Promise<boolean> {
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: true })
  // Raw mode takes Ctrl-C away from the process.
  const interrupted = new AbortController()
  lines.on('SIGINT', () => interrupted.abort()).on('close', () => interrupted.abort())
  try {
    const until = signal === undefined ? interrupted.signal : AbortSignal.any([signal, interrupted.signal])
    return /^\s*(y(es)?)?\s*$/i.test(await lines.question(question, { signal: until }))
  } catch (error) {
    signal?.throwIfAborted()
    throw interrupted.signal.aborted ? new Interrupted(EXIT.interrupted) : error
  } finally {
    lines.close()
  }
}
