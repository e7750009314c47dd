// fak pull: bring a model of the hub into the store.

import { type PullEvent, type PullPlan, parseModelReference } from '@fak/hub'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { KEPT, type LocateContext, openStore, pullShown } from '../model/locate.js'
import { bytes, table } from '../output.js'

interface PullCommandOptions {
  readonly dryRun?: boolean
  readonly offline?: boolean
  readonly json?: boolean
}

/** Events of progress are printed at most this often. */
const EVENT_MS = 500

/** Makes the command. */
export function pullCommand(context: CommandContext): Command {
  return new Command('pull')
    .summary('download a model')
    .description(
      'Download a model, or bring it up to date. Goes on where an earlier attempt ended; every file is checked against its hash. What Hugging ' +
        "Face's cache has is taken from there.",
    )
    .argument(
      '<model>',
      'hf:owner/repo, hf:owner/repo:Q4_K_M, hf:owner/repo:file.gguf, or an official size such as 0.8B',
    )
    .option('--dry-run', 'show what would come, and download nothing')
    .option('--offline', "never use the network: take from Hugging Face's cache only (env HF_HUB_OFFLINE)")
    .option('--json', 'print events, one JSON object per line; the last has type "done"')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, options: PullCommandOptions) => {
      const { io, output } = context
      await interruptible(io, output.closed, async (signal) => {
        const reference = parseModelReference(text)
        if (reference.kind !== 'hub') {
          const hint = /^[^/\s]+\/[^/\s]+$/.test(text)
            ? `hf:${text}`
            : 'hf:owner/repo, or an official size such as 0.8B'
          throw new UsageError(
            `${JSON.stringify(text.slice(0, 80))} is no model of the hub; such a one is written ${hint}`,
          )
        }
        const store = openStore(context, options)
        const here = { ...context, signal }
        if (options.dryRun === true) return printPlan(await store.plan(reference, { signal }), options, here)
        if (options.json === true) return pullAsJson(await store.plan(reference, { signal }), options, here)
        const before = await store.find(text)
        const model = await pullShown(store, reference, here)
        const isSame = before?.folder === model.folder
        await output.line(`${model.name}: ${bytes(model.bytes)} ${isSame ? 'is stored and up to date' : 'stored'}`)
        output.note(`fak chat -m ${model.name}`)
      })
    })
}

async function printPlan(plan: PullPlan, { json }: PullCommandOptions, { output }: LocateContext): Promise<void> {
  if (json === true) return output.json(planEvent(plan))
  await output.line(
    `${plan.name}, commit ${plan.commit.slice(0, 12)}${plan.license === null ? '' : `, ${plan.license}`}`,
  )
  const rows = plan.files.map(({ path, size, have, from }) => [path, bytes(size), whence(size, have, from)])
  for (const line of table(rows)) await output.line(`  ${line}`)
  await output.line(`${bytes(plan.missing)} to download of ${bytes(plan.bytes)}`)
}

function whence(size: number, have: number, from: string): string {
  if (from === 'store') return 'is here'
  if (from === 'cache') return "in Hugging Face's cache"
  return have > 0 ? `${bytes(size - have)} to download` : 'to download'
}

async function pullAsJson(plan: PullPlan, options: PullCommandOptions, context: LocateContext): Promise<void> {
  const { output, signal } = context
  let told = Number.NEGATIVE_INFINITY
  // Written in the order of the events; the pull does not wait for a slow reader of them.
  let writing = Promise.resolve()
  const onProgress = (event: PullEvent) => {
    if (event.type === 'progress') {
      const now = performance.now()
      if (now - told < EVENT_MS && event.done < event.total) return
      told = now
    }
    const value = event.type === 'plan' ? planEvent(event.plan) : event
    writing = writing.then(() => output.json(value)).catch(() => {})
  }
  const model = await openStore(context, options)
    .pull(plan, { ...(signal && { signal }), onProgress })
    .catch((error: unknown) => {
      if (signal?.aborted && !output.closed.aborted) output.note(KEPT)
      throw error
    })
  await writing
  await output.json({ type: 'done', ...model })
}

const planEvent = ({ reference, ...plan }: PullPlan) => ({ type: 'plan', reference: reference.text, ...plan })

const EXAMPLES = `
Examples:
  fak pull 0.8B                                   the official safetensors of Qwen3.5-0.8B
  fak pull 4B:Q4_K_M                              the same size as GGUF, made by others
  fak pull hf:unsloth/Qwen3.5-0.8B-GGUF:Q8_0 --dry-run
  fak pull hf:Qwen/Qwen3.5-0.8B@main
  fak pull hf:owner/repo:folder/model.gguf --json | jq -r 'select(.type == "done").path'

Token: HF_TOKEN, or what hf auth login has written. Folders: FAK_HOME, HF_HOME. Another hub: HF_ENDPOINT.`
