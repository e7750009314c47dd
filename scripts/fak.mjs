// `npm run fak -- COMMAND …`: set up if needed, then any fak command.
import { runCli } from './run-cli.mjs'

await runCli(process.argv.slice(2))
