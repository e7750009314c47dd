// fak inspect: what a model file contains, whether or not it can be run.

import { formatGgufManifest, type GgufHashes, type GgufVerification, parseGgufManifest } from '@fak/gguf'
import { hashGguf, verifyGguf } from '@fak/gguf/node'
import { DEFAULT_KV_CACHE, KV_CACHE_TYPES, type KvCacheType } from '@fak/graph'
import { FakError } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { describe } from '../inspect/describe.js'
import { type Opened, openForInspection, templateSource } from '../inspect/opened.js'
import { printInspection } from '../inspect/print.js'
import { hashSafetensors, type Reading, verifySafetensors } from '../inspect/safetensors-hashes.js'
import { interruptible } from '../interrupt.js'
import { addModelOptions, locateModel, type ModelOptions } from '../model/locate.js'
import { StatusLine } from '../status-line.js'
import { integerFrom, oneOf } from '../values.js'

interface InspectOptions extends ModelOptions {
  readonly json?: boolean
  readonly summary?: boolean
  readonly filter?: string
  readonly template?: boolean
  readonly context?: number
  readonly kvCache?: KvCacheType
  readonly hash?: string | true
  readonly verify?: string
}

/** Context that memory is stated for unless `--context` says otherwise. */
const DEFAULT_CONTEXT = 4096
const MAX_CONTEXT = 2 ** 24
/** Files beyond this are no manifest; the reader's own limit is the same. */
const MAX_MANIFEST_BYTES = 64 * 2 ** 20
const HASHES = ['sha256', 'sha1', 'xxh64', 'all'] as const

/** Makes the command. */
export function inspectCommand(context: CommandContext): Command {
  const command = new Command('inspect')
    .summary('what a model file contains')
    .description(
      'Show what a model file contains: model, types, memory, tokenizer, metadata, tensors. Weights are not read unless they are hashed.',
    )
    .argument(
      '[file]',
      'a .gguf or .safetensors file, a directory with safetensors, a stored model, or hf:owner/repo[:quant]',
    )
    .option('--json', 'print one JSON object')
    .option('--summary', 'leave metadata and tensors out')
    .option('--filter <pattern>', 'only tensors with this name; * stands for anything')
    .option('--template', 'print the chat template, and nothing else')
    .option(
      '--context <n>',
      `context that memory is stated for (default ${DEFAULT_CONTEXT})`,
      integerFrom(1, MAX_CONTEXT),
    )
    .option(
      '--kv-cache <type>',
      `type of the cache that memory is stated for: ${KV_CACHE_TYPES.join(', ')} (default ${DEFAULT_KV_CACHE})`,
      oneOf(KV_CACHE_TYPES),
    )
    .option('--hash [algorithm]', `print a manifest of hashes: ${HASHES.join(', ')} (default sha256)`)
    .option('--verify <manifest>', 'compare with a manifest of --hash, gguf-hash or sha256sum')
  return addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (given: string | undefined, flags: InspectOptions) => {
      const { file, options } = hashedFile(given, flags)
      const { io, output } = context
      if ([options.template, options.hash, options.verify].filter((given) => given !== undefined).length > 1) {
        throw new UsageError('--template, --hash and --verify are asked for one at a time')
      }
      await interruptible(io, output.closed, async (signal) => {
        const { path } = await locateModel(file, options, { ...context, signal })
        const opened = await openForInspection(path)
        try {
          await inspect(opened, options, { ...context, signal })
        } finally {
          await opened.stored.close()
        }
      })
    })
}

/** `--hash FILE` reads as an algorithm called FILE: without another argument it is the file. */
function hashedFile(given: string | undefined, options: InspectOptions): { file: string; options: InspectOptions } {
  const { hash } = options
  const known = hash === undefined || hash === true || (HASHES as readonly string[]).includes(hash)
  if (given !== undefined && known) return { file: given, options }
  if (given !== undefined) throw new UsageError(`--hash ${JSON.stringify(hash)}: allowed are ${HASHES.join(', ')}`)
  if (known) throw new UsageError("missing required argument 'file'")
  return { file: hash, options: { ...options, hash: true } }
}

/** What the memory is stated for. */
function stated({ context, kvCache }: InspectOptions): [number[], KvCacheType] {
  return [[context ?? DEFAULT_CONTEXT], kvCache ?? DEFAULT_KV_CACHE]
}

type Context = CommandContext & { readonly signal: AbortSignal }

async function inspect(opened: Opened, options: InspectOptions, context: Context): Promise<void> {
  const { output } = context
  if (options.template === true) return printTemplate(opened, context)
  const hashes = options.hash === undefined ? undefined : await hash(opened, options.hash, context)
  const verification = options.verify === undefined ? undefined : await verify(opened, options.verify, context)
  if (options.json === true) {
    const matches = matcher(options.filter)
    const { tensors, ...rest } = await describe(opened, ...stated(options))
    await output.json({
      ...rest,
      tensors: options.summary === true ? [] : tensors.filter(({ name }) => matches(name)),
      ...(hashes && { hashes: { ...hashes, tensors: Object.fromEntries(hashes.tensors) } }),
      ...(verification && { verification: { ...verification, error: verification.error?.message ?? null } }),
    })
  } else if (hashes !== undefined) await output.write(formatGgufManifest(hashes, opened.path))
  else if (verification !== undefined) await printVerification(verification, context)
  else {
    const inspection = await describe(opened, ...stated(options))
    await printInspection(inspection, { summary: options.summary === true, matches: matcher(options.filter) }, output)
  }
  if (verification?.error) throw verification.error
}

/** A test for names, from a pattern in which * stands for anything. Linear in the name for every pattern: no regular expression is made. */
function matcher(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return (name) => name === first
  return (name) => {
    if (!name.startsWith(first)) return false
    let at = first.length
    for (const piece of rest) {
      const found = name.indexOf(piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return name.length - last.length >= at && name.endsWith(last)
  }
}

async function printTemplate(opened: Opened, { output }: Context): Promise<void> {
  const source = await templateSource(opened)
  if (source === undefined) {
    throw new FakError('TEMPLATE_MISSING', {
      file: opened.path,
      reason: 'there is no chat template',
      field: 'chat_template',
    })
  }
  await output.write(source.endsWith('\n') ? source : `${source}\n`)
}

async function hash(opened: Opened, algorithm: string | true, context: Context): Promise<GgufHashes> {
  const wanted = algorithm === true ? 'sha256' : (algorithm as (typeof HASHES)[number])
  const all = wanted === 'all'
  return withProgress('hashing', context, (reading) => {
    if (opened.kind === 'gguf') {
      return hashGguf(opened.stored, {
        ...reading,
        algorithms: all ? ['xxh64', 'sha1', 'sha256'] : [wanted],
        uuid: all,
      })
    }
    if (wanted !== 'sha256') throw new UsageError('safetensors are hashed with sha256')
    return hashSafetensors(opened, reading)
  })
}

async function verify(opened: Opened, path: string, context: Context): Promise<GgufVerification> {
  const manifest = parseGgufManifest(await readManifest(path), path)
  return withProgress('verifying', context, (reading) =>
    opened.kind === 'gguf'
      ? verifyGguf(opened.stored, manifest, reading)
      : verifySafetensors(opened, manifest, reading),
  )
}

async function readManifest(path: string): Promise<Uint8Array> {
  const source = await fileSource(path)
  try {
    if (source.size > MAX_MANIFEST_BYTES) {
      const reason = `has ${source.size} bytes, at most ${MAX_MANIFEST_BYTES} are read`
      throw new FakError('FILE_TOO_LARGE', { file: path, reason })
    }
    return await source.read(0, source.size)
  } finally {
    await source.close()
  }
}

async function withProgress<T>(
  label: string,
  { io, signal }: Context,
  act: (reading: Reading) => Promise<T>,
): Promise<T> {
  const status = new StatusLine(io)
  try {
    return await act({ signal, onProgress: (done, total) => status.update(label, done, total) })
  } finally {
    status.clear()
  }
}

/** Mismatches that are listed; the first is also the error that the command ends with. */
async function printVerification({ checked, mismatches, unlisted }: GgufVerification, { output }: Context) {
  for (const { entry, found } of mismatches) {
    const what = typeof entry.of === 'object' ? entry.of.tensor : `${entry.of} ${entry.file}`
    await output.line(`${entry.algorithm}  ${what}: expected ${entry.hash}, found ${found ?? 'nothing'}`)
  }
  if (unlisted.length > 0) await output.line(`${unlisted.length} tensors are not in the manifest`)
  await output.line(`${checked - mismatches.length} of ${checked} hashes hold`)
}

const EXAMPLES = `
Examples:
  fak inspect model.gguf --summary
  fak inspect model.gguf --filter 'blk.0.*'
  fak inspect model.gguf --json | jq .model
  fak inspect model.gguf --summary --context 32768 --kv-cache q8_0
  fak inspect model.gguf --hash > model.manifest
  fak inspect model.gguf --verify model.manifest`
