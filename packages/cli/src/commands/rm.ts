// fak rm: remove stored models and unfinished downloads.

import { parseModelReference } from '@fak/hub'
import { FakError } from '@fak/tensor'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { openStore } from '../model/locate.js'
import { bytes } from '../output.js'

/** Makes the command. */
export function rmCommand(context: CommandContext): Command {
  return new Command('rm')
    .summary('remove stored models')
    .description(
      'Remove stored models, with what is left of unfinished downloads of them. What another model needs too stays.',
    )
    .argument('[name...]', 'names as fak list shows them')
    .option('--partial', 'remove all unfinished downloads, and no models')
    .addHelpText('after', EXAMPLES)
    .action(async (names: string[], { partial }: { partial?: boolean }) => {
      const { output } = context
      if ((partial === true) === names.length > 0) throw new UsageError('give names, or --partial')
      const store = openStore(context)
      if (partial === true) return output.line(`${bytes(await store.removePartials())} of unfinished downloads removed`)
      // All are looked for before any is removed, so that a misspelt one changes nothing.
      const unfinished = await store.partials()
      const found = []
      for (const name of new Set(names)) {
        const model = await store.find(name)
        const wanted = parseModelReference(name).text.replace(/^hf:/i, '').toLowerCase()
        const begun = unfinished.find(
          (entry) => (entry.model ?? '').toLowerCase() === (model?.name.toLowerCase() ?? wanted),
        )
        if (model === undefined && begun === undefined) {
          throw new FakError('MODEL_NOT_STORED', {
            file: name,
            reason: 'there is no stored model of that name; fak list shows them',
          })
        }
        found.push({ name: model?.name ?? begun!.model!, model, begun })
      }
      for (const { name, model, begun } of found) {
        let freed = model === undefined ? 0 : (await store.remove(model.name)).freed
        if (begun !== undefined) freed += await store.removePartials(begun.model!)
        await output.line(`${name} removed, ${bytes(freed)} freed`)
      }
    })
}

const EXAMPLES = `
Examples:
  fak rm 0.8B`
