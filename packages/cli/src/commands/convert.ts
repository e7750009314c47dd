// fak convert: a GGUF file from a checkpoint, or a smaller one from a GGUF file.

import { stat } from 'node:fs/promises'
import { type FileType, fileTypes } from '@fak/convert'
import { type ConversionReport, convert } from '@fak/convert/node'
import { Command, InvalidArgumentError } from 'commander'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { addModelOptions, locateModel, type ModelOptions } from '../model/locate.js'
import { duration, TransferRate } from '../model/pull-display.js'
import { bytes } from '../output.js'
import { StatusLine } from '../status-line.js'
import { integerFrom, MAX_THREADS } from '../values.js'

interface Options extends ModelOptions {
  readonly type: FileType
  readonly threads?: number
  readonly mtp: boolean
  readonly modelName?: string
  readonly force?: boolean
  readonly json?: boolean
}

/** Makes the command. */
export function convertCommand(context: CommandContext): Command {
  const command = new Command('convert')
    .summary('a GGUF file of another type')
    .description(
      'Make a GGUF file from a directory with safetensors, or a smaller one from a GGUF file of floats or Q8_0. The result is, byte for byte, what llama.cpp makes.',
    )
    .argument('<source>', 'a directory with safetensors, a .gguf file, a stored model, or hf:owner/repo')
    .argument('<output>', 'the GGUF file to write')
    .requiredOption('-t, --type <type>', `type of the new file: ${Object.keys(fileTypes).join(', ')}`, fileType)
    .option('--threads <n>', 'threads that work (default: all cores)', integerFrom(1, MAX_THREADS))
    .option('--no-mtp', 'leave the draft head out')
    .option('--model-name <name>', "the model's name in the file (default: from the name of the directory)")
    .option('--force', 'replace a file that exists')
    .option('--json', 'print one JSON object')
  return addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, output: string, options: Options) => {
      const { io } = context
      if (options.force !== true && (await stat(output).catch(() => undefined)) !== undefined) {
        throw new UsageError(`${output} exists; --force replaces it`)
      }
      const started = performance.now()
      const report = await interruptible(io, context.output.closed, async (signal) => {
        const { path, name } = await locateModel(source, options, { ...context, signal })
        const status = new StatusLine(io)
        const rate = new TransferRate()
        try {
          return await convert(path, output, {
            ...options,
            ...(name !== undefined && { directoryName: repositoryName(name) }),
            signal,
            onProgress: (done, total) => {
              const speed = rate.at(done, performance.now())
              const rest = speed ? `${bytes(Math.round(speed))}/s, ${duration((total - done) / speed)} left` : ''
              status.update(`writing ${output}`, done, total, rest)
            },
          })
        } finally {
          status.clear()
        }
      })
      await print(context, report, (performance.now() - started) / 1000, options.json ?? false)
    })
}

async function print({ output }: CommandContext, report: ConversionReport, seconds: number, json: boolean) {
  if (json) return output.json({ ...report, seconds })
  const types = Object.entries(report.tensors).map(([type, count]) => `${count} ${type}`)
  await output.line(`${report.output}: ${bytes(report.byteLength)}, ${types.join(', ')}`)
  if (report.skipped.length > 0) {
    const size = report.skipped.reduce((sum, { byteLength }) => sum + byteLength, 0)
    output.note(`${report.skipped.length} tensors without a place in a text model are left out (${bytes(size)}):`)
    output.note(`  ${report.skipped[0]!.name}${report.skipped.length > 1 ? ', …' : ''}`)
  }
  for (const note of report.notes) output.note(note)
}

/** `Qwen3.5-0.8B` of `Qwen/Qwen3.5-0.8B@main`: what a copy of the repository would be called. */
const repositoryName = (name: string): string => name.replace(/[@:].*$/, '').replace(/^.*\//, '')

function fileType(text: string): FileType {
  const name = text.toUpperCase()
  if (Object.hasOwn(fileTypes, name)) return name as FileType
  throw new InvalidArgumentError(`Allowed: ${Object.keys(fileTypes).join(', ')}.`)
}

const EXAMPLES = `
Examples:
  fak convert Qwen3.5-0.8B model.gguf --type Q4_K_M      safetensors to a quantized file
  fak convert model-bf16.gguf model-q8.gguf --type Q8_0  a smaller file from one of floats
  fak convert Qwen3.5-4B model.gguf --type BF16 --no-mtp`
