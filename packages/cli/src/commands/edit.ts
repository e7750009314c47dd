// fak edit: a GGUF file with other metadata. Tensor data is copied as it is stored, and a split set becomes one file.

import { stat } from 'node:fs/promises'
import { editGguf, type GgufEdit, type GgufFile, type GgufScalarType, type GgufValueContent } from '@fak/gguf'
import { openGguf, writeGgufFile } from '@fak/gguf/node'
import { decodeUtf8, FakError, invalidUtf8At } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import { Command, InvalidArgumentError } from 'commander'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { bytes } from '../output.js'
import { StatusLine } from '../status-line.js'
import { repeated } from '../values.js'

interface EditOptions {
  readonly set?: Setting[]
  readonly remove?: string[]
  readonly rename?: (readonly [string, string])[]
  readonly output: string
  readonly force?: boolean
}

interface Setting {
  readonly key: string
  readonly type: GgufScalarType | undefined
  readonly text: string
}

const TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'u64', 'i64', 'f32', 'f64', 'bool', 'string'] as const
/** Longest file that can be the value of a key. */
const MAX_VALUE_BYTES = 16 * 2 ** 20

/** Makes the command. */
export function editCommand(context: CommandContext): Command {
  return new Command('edit')
    .summary('a GGUF file with other metadata')
    .description('Write a GGUF file with other metadata. Tensors are copied as they are; a split set becomes one file.')
    .argument('<file>', 'a .gguf file, or any file of a split set')
    .requiredOption('-o, --output <file>', 'the file to write; it may be the one that is read, with --force')
    .option(
      '--set <key=value>',
      'set a key in its stored type, or KEY:TYPE=VALUE; =@FILE takes the text of a file',
      repeated(setting),
    )
    .option('--remove <key>', 'take a key away', repeated(String))
    .option('--rename <old=new>', 'give a key another name', repeated(pair))
    .option('--force', 'replace a file that exists')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: EditOptions) => {
      const { io, output } = context
      if (options.force !== true && (await stat(options.output).catch(() => undefined)) !== undefined) {
        throw new UsageError(`${options.output} exists; --force replaces it`)
      }
      await interruptible(io, output.closed, async (signal) => {
        const opened = await openGguf(file, { signal })
        const status = new StatusLine(io)
        try {
          const content = editGguf(opened, await editOf(opened, options))
          const onProgress = (done: number, total: number) => status.update(`writing ${options.output}`, done, total)
          await writeGgufFile(options.output, content, { signal, onProgress })
        } finally {
          status.clear()
          await opened.close()
        }
      })
      await output.line(`${options.output}: ${bytes((await stat(options.output)).size)}`)
    })
}

async function editOf(file: GgufFile, { set = [], remove = [], rename = [] }: EditOptions): Promise<GgufEdit> {
  const names = new Map(rename.map(([from, to]) => [to, from]))
  const values: [string, GgufValueContent][] = []
  for (const { key, type, text } of set) {
    const stored = remove.includes(key) ? undefined : file.metadata.entry(names.get(key) ?? key)?.type
    const wanted = type ?? stored
    if (wanted === undefined) throw new UsageError(`${key} is new; say its type: ${key}:string=… (${TYPES.join(', ')})`)
    if (wanted === 'array') throw new UsageError(`${key} is an array; only single values can be set here`)
    values.push([key, contentOf(key, wanted, text.startsWith('@') ? await textOf(text.slice(1)) : text)])
  }
  return { rename, remove, set: values }
}

function contentOf(key: string, type: GgufScalarType, text: string): GgufValueContent {
  if (type === 'string') return { type, value: text }
  const wrong = new UsageError(`${key} is of type ${type}, which cannot hold ${JSON.stringify(text.slice(0, 80))}`)
  if (type === 'bool') {
    if (text !== 'true' && text !== 'false') throw wrong
    return { type, value: text === 'true' }
  }
  const isFloat = type === 'f32' || type === 'f64'
  if (!(isFloat ? /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i : /^-?\d{1,20}$/).test(text)) throw wrong
  if (type === 'u64' || type === 'i64') return { type, value: BigInt(text) }
  return { type, value: Number(text) }
}

async function textOf(path: string): Promise<string> {
  const source = await fileSource(path)
  try {
    if (source.size > MAX_VALUE_BYTES) {
      const reason = `has ${source.size} bytes, at most ${MAX_VALUE_BYTES} fit into a value`
      throw new FakError('FILE_TOO_LARGE', { file: path, reason })
    }
    const content = await source.read(0, source.size)
    const offset = invalidUtf8At(content)
    if (offset < 0) return decodeUtf8(content)
    throw new FakError('GGUF_BAD_UTF8', { file: path, reason: 'the text is not UTF-8', offset })
  } finally {
    await source.close()
  }
}

function setting(text: string): Setting {
  const [key, value] = pair(text)
  const [, name, type] = /^(.+):([a-z0-9]+)$/s.exec(key) ?? []
  if (name === undefined) return { key, type: undefined, text: value }
  const known = TYPES.find((candidate) => candidate === type)
  if (known === undefined) throw new InvalidArgumentError(`Types are ${TYPES.join(', ')}.`)
  return { key: name, type: known, text: value }
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Two parts with = between them are needed.')
  return [text.slice(0, at), text.slice(at + 1)]
}

const EXAMPLES = `
Examples:
  fak edit model.gguf --set tokenizer.chat_template=@template.jinja -o fixed.gguf
  fak edit model.gguf --set my.note:string=hello --remove general.url -o model.gguf --force
  fak edit model-00001-of-00003.gguf -o model.gguf          one file from a split set`
