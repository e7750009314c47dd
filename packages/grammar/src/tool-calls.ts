// Calls of tools in the format of Qwen3.5: `<tool_call>`, a function, its parameters as text between tags. Strings stand there as they are, all other
// values as JSON; whoever reads a call goes by the tool's schema. What could be read as something else is not written.

import { FakError, quote } from '@fak/tensor'
import { both, type Dfa, not } from './dfa.js'
import { type Grammar, GrammarBuilder, type Node } from './grammar.js'
import { JsonText } from './json-text.js'
import { partialMatches, wholeMatches } from './regex.js'
import { SchemaCompiler } from './schema/compile.js'
import { type JsonSchema, KINDS, type Kind, type Place, unsupported } from './schema/keywords.js'
import { propertyPlaces, type Shape } from './schema/shapes.js'
import { stringsKey } from './schema/texts.js'
import { fitsShape, impossible } from './schema/values.js'

/** A function that can be called; the `ChatTool` of @fak/chat is one. */
export interface CallableTool {
  readonly function: {
    readonly name: string
    /** JSON schema of the arguments: an object. Left out: there are none. */
    readonly parameters?: JsonSchema
  }
}

/** Longest name of a tool or parameter. */
const MAX_NAME = 200

/** Text that means something in a call. */
const TAGS = '</?(tool_call|function|parameter)[>=]'
const TAG = new RegExp(TAGS, 'u')
/** Texts that are read as JSON where the schema lets a value be a string or something else. */
const LIKE_JSON = ['\\s*(null|true|false)\\s*', '\\s*[-\\d\\[\\{][^]*']

/**
 * The grammar of one call, of any of the tools. Its arguments are those that the tool's schema asks for, in its order; parameters that the
 * schema does not name are not given.
 *
 * @param options.tool the name of the one to be called
 * @throws FakError `GRAMMAR_BAD_TOOL` when there is no tool, or none of this name; as `jsonSchemaGrammar` for their schemas, with the name before
 * the path
 */
export function toolCallGrammar(tools: readonly CallableTool[], options: { readonly tool?: string } = {}): Grammar {
  const { tool: wanted } = options
  const called = wanted === undefined ? tools : tools.filter(({ function: { name } }) => name === wanted)
  if (called.length === 0) {
    const reason = wanted === undefined ? 'there is no tool to call' : `there is no tool of the name ${quote(wanted)}`
    throw new FakError('GRAMMAR_BAD_TOOL', { reason, field: 'tools' })
  }
  const builder = new GrammarBuilder()
  const rule = builder.rule()
  const end = builder.node()
  end.final = true
  for (const { function: tool } of called) {
    try {
      writeCall(builder, rule.start, end, tool)
    } catch (error) {
      if (!FakError.isInstance(error)) throw error
      const { code, reason, field, offset } = error
      throw new FakError(code, { reason, field: `${tool.name}${field ?? ''}`, offset, cause: error })
    }
  }
  return builder.finish(rule)
}

function writeCall(builder: GrammarBuilder, from: Node, to: Node, tool: CallableTool['function']): void {
  checkName(tool.name, '#')
  const open = builder.token(from, '<tool_call>')
  const begun = builder.texts(open, [`\n<function=${tool.name}>\n`])
  const close = builder.node()
  builder.token(builder.texts(close, ['</function>\n']), '</tool_call>', to)
  const compiler = new SchemaCompiler(new JsonText(builder, 'some', '<'), tool.parameters ?? {})
  const parameters = new ParameterWriter(builder, compiler)
  const shapes = compiler.shapes.of([{ schema: tool.parameters ?? {}, path: '#' }])
  for (const shape of shapes) if (shape.kinds.has('object')) parameters.all(begun, close, shape)
  compiler.finish()
}

/** Writes the parameters of one tool. */
class ParameterWriter {
  constructor(
    private readonly builder: GrammarBuilder,
    private readonly compiler: SchemaCompiler,
  ) {}

  all(from: Node, to: Node, shape: Shape): void {
    const { builder } = this
    const names = [
      ...new Set([...shape.members.flatMap(({ properties }) => [...properties.keys()]), ...shape.required]),
    ]
    if (shape.values !== null) throw unsupported('a list of whole calls', '#')
    if (shape.names.length > 0) throw unsupported('propertyNames of parameters', '#/propertyNames')
    if (shape.minProperties > shape.required.size) throw unsupported('minProperties of parameters', '#/minProperties')
    if (shape.maxProperties < names.length) throw unsupported('maxProperties of parameters', '#/maxProperties')
    let at = from
    for (const name of names) {
      checkName(name, '#/properties')
      const after = builder.node()
      const optional = !shape.required.has(name)
      if (optional) at.skips.push(after)
      const places = propertyPlaces(shape, name)
      if (!optional || !impossible(places, this.compiler.shapes)) {
        const begun = builder.texts(at, [`<parameter=${name}>\n`])
        const end = builder.node()
        this.#value(begun, end, places)
        builder.texts(end, ['\n</parameter>\n'], after)
      }
      at = after
    }
    at.skips.push(to)
  }

  #value(from: Node, to: Node, places: readonly Place[]): void {
    const { builder, compiler } = this
    const shapes = compiler.shapes.of(places).map((shape) => ({ ...shape, kinds: writtenKinds(shape) }))
    const kinds = new Set(shapes.flatMap((shape) => [...shape.kinds]))
    const mixed = kinds.has('string') && kinds.size > 1
    // Of lists alone a text is read as one of their strings first; else as JSON first.
    const lists = shapes.every(({ values }) => values !== null)
    const listed = shapes.flatMap(({ values }) => values ?? []).filter((value) => typeof value === 'string')
    const plain = (text: string) =>
      !TAG.test(text) && (lists || !mixed || !LIKE_JSON.some((pattern) => new RegExp(`^(${pattern})$`, 'u').test(text)))
    for (const shape of shapes) {
      if (shape.values !== null) {
        const fitting = shape.values.filter((value) => fitsShape(value, shape, compiler.shapes))
        builder.texts(from, fitting.filter((value): value is string => typeof value === 'string').filter(plain), to)
        const values = fitting.filter((value) => typeof value !== 'string' && !listed.includes(JSON.stringify(value)))
        if (values.length > 0) compiler.shape(from, to, { ...shape, values })
        continue
      }
      const json = new Set([...shape.kinds].filter((kind) => kind !== 'string'))
      if (json.size > 0) compiler.shape(from, to, { ...shape, kinds: json })
      if (shape.kinds.has('string')) {
        const dfa = this.#texts(shape, mixed)
        const text = builder.automaton(`parameter ${mixed} ${stringsKey(shape)}`, dfa)
        builder.call(from, text, to)
      }
    }
  }

  /** The strings of a shape that are read as they are. */
  #texts(shape: Shape, mixed: boolean): Dfa {
    const refused = [partialMatches(TAGS), ...(mixed ? LIKE_JSON.map((pattern) => wholeMatches(pattern)) : [])]
    return refused.reduce((texts, dfa) => both(texts, not(dfa)), this.compiler.strings(shape))
  }
}

/** As what a value is written: without a type it is read as a string, or as the list or object that the schema speaks of. */
function writtenKinds({ kinds, values, members, items }: Shape): ReadonlySet<Kind> {
  if (values !== null || kinds.size < KINDS.length) return kinds
  return new Set([members.length > 0 ? 'object' : items.length > 0 ? 'array' : 'string'])
}

function checkName(name: string, path: string): void {
  if (name.length > 0 && name.length <= MAX_NAME && !/[<>\n]|^\s|\s$|\p{Surrogate}/u.test(name)) return
  throw unsupported(`the name ${quote(name)} in a call`, path)
}
