// fak list: the models that are stored here.

import type { StoredModel } from '@fak/hub'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { printable } from '../errors.js'
import { openStore } from '../model/locate.js'
import { bytes, table } from '../output.js'

/** Makes the command. */
export function listCommand(context: CommandContext): Command {
  return new Command('list')
    .summary('stored models')
    .description('List the stored models, and downloads that are not finished.')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json }: { json?: boolean }) => {
      const { output } = context
      const store = openStore(context)
      const [models, partial] = [await store.list(), await store.partials()]
      if (json === true) return output.json({ directory: store.directory, models, partial })
      const rows = models.map((model) => [
        printable(model.name),
        bytes(model.bytes),
        typeOf(model),
        when(model),
        model.problem === null ? '' : 'damaged',
      ])
      if (rows.length > 0)
        for (const line of table([['NAME', 'SIZE', 'TYPE', 'PULLED', ''], ...rows])) await output.line(line)
      for (const { model, files, have, active } of partial) {
        const size = files.reduce((sum, file) => sum + file.size, 0)
        const state = active ? 'being downloaded' : 'not finished'
        await output.line(`${state}: ${printable(model ?? 'an unknown model')}, ${bytes(have)} of ${bytes(size)}`)
      }
      if (rows.length === 0) output.note(`no models in ${store.directory}; to get one: fak pull 0.8B`)
    })
}

/** What a stored model is, in one word. */
const typeOf = ({ format, quant }: StoredModel): string => (format === 'gguf' ? (quant ?? 'gguf') : format)

const when = ({ pulledAt }: StoredModel): string => printable(pulledAt.slice(0, 16).replace('T', ' '))

const EXAMPLES = `
Examples:
  fak list
  fak list --json | jq -r '.models[].name'`
