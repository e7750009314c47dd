// fak show: what a stored model is and where it came from.

import { FakError } from '@fak/tensor'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { printable } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { openStore } from '../model/locate.js'
import { bytes, table } from '../output.js'
import { StatusLine } from '../status-line.js'

/** Makes the command. */
export function showCommand(context: CommandContext): Command {
  return new Command('show')
    .summary('what a stored model is')
    .description(
      'Show where a stored model came from, its licence, files and hashes. fak inspect shows what is inside.',
    )
    .argument('<name>', 'a name as fak list shows it')
    .option('--verify', 'read all files and compare their hashes')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, { json, verify }: { json?: boolean; verify?: boolean }) => {
      const { io, output } = context
      const store = openStore(context)
      const model = await store.find(name)
      if (model === undefined) {
        throw new FakError('MODEL_NOT_STORED', {
          file: name,
          reason: 'there is no stored model of that name; fak list shows them',
        })
      }
      const wrong =
        verify === true
          ? await interruptible(io, output.closed, async (signal) => {
              const status = new StatusLine(io)
              const onProgress = (done: number, total: number) => status.update(`verifying ${model.name}`, done, total)
              try {
                return await store.verify(model, { signal, onProgress })
              } finally {
                status.clear()
              }
            })
          : undefined
      if (json === true) await output.json({ ...model, ...(wrong && { wrong }) })
      else {
        const about = [
          ['name', model.name],
          ['source', `hf:${model.repo}${model.revision === null ? '' : `@${model.revision}`}`],
          ['commit', model.commit],
          ['type', model.format === 'gguf' ? `GGUF${model.quant === null ? '' : `, ${model.quant}`}` : 'safetensors'],
          ['licence', model.license ?? 'not stated'],
          ['size', bytes(model.bytes)],
          ['pulled', model.pulledAt],
          ['path', model.path],
          ...(model.problem === null ? [] : [['problem', model.problem]]),
        ]
        for (const line of table(about)) await output.line(printable(line))
        for (const line of table(model.files.map(({ path, size, hash }) => [path, bytes(size), hash])))
          await output.line(`  ${printable(line)}`)
        if (wrong !== undefined && wrong.length === 0) await output.line('all hashes hold')
      }
      if (wrong !== undefined && wrong.length > 0) {
        const reason = `${wrong.join(', ')} ${wrong.length === 1 ? 'is' : 'are'} not what was pulled; remove the model and pull it again`
        throw new FakError('MODEL_DAMAGED', { file: model.name, reason })
      }
    })
}

const EXAMPLES = `
Examples:
  fak show 0.8B
  fak show 0.8B --json | jq`
