// --schema, --choices and --regex: the form that every answer must have.

import { choiceGrammar, type Grammar, type JsonSchema, jsonSchemaGrammar, regexGrammar } from '@fak/grammar'
import { decodeUtf8, FakError, invalidUtf8At } from '@fak/tensor'
import { UsageError } from '../errors.js'
import { readFile } from '../read-file.js'

const MAX_SCHEMA_BYTES = 16 * 2 ** 20

/** The flags. */
export interface FormFlags {
  readonly schema?: string
  readonly choices?: readonly string[]
  readonly regex?: string
}

/**
 * What the flags ask for; `undefined` when they ask for nothing.
 *
 * @throws UsageError; for a schema FakError with a `FILE_` or `GRAMMAR_` code, `BAD_UTF8`, `SCHEMA_NOT_JSON`
 */
export async function readForm(flags: FormFlags): Promise<Grammar | undefined> {
  const { schema, choices, regex } = flags
  const given = Object.entries({ schema, choices, regex }).filter(([, value]) => value !== undefined)
  if (given.length > 1) throw new UsageError(`${given.map(([name]) => `--${name}`).join(' and ')} exclude each other`)
  if (schema !== undefined) return schemaForm(schema)
  try {
    if (choices !== undefined) return choiceGrammar(choices)
    return regex === undefined ? undefined : regexGrammar(regex)
  } catch (error) {
    throw FakError.isInstance(error) ? new UsageError(`--${given[0]![0]}: ${error.message}`) : error
  }
}

async function schemaForm(file: string): Promise<Grammar> {
  const bytes = await readFile(file, MAX_SCHEMA_BYTES)
  const at = invalidUtf8At(bytes)
  if (at >= 0) throw new FakError('BAD_UTF8', { file, reason: 'is not UTF-8 text', offset: at })
  let schema: JsonSchema
  try {
    schema = JSON.parse(decodeUtf8(bytes))
  } catch (cause) {
    throw new FakError('SCHEMA_NOT_JSON', { file, reason: `is not JSON: ${(cause as Error).message}`, cause })
  }
  try {
    return jsonSchemaGrammar(schema)
  } catch (cause) {
    if (!FakError.isInstance(cause)) throw cause
    const { code, reason, field } = cause
    throw new FakError(code, { file, reason, field, cause })
  }
}
