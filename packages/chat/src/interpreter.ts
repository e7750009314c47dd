// The engine's interpreter with three things added: a budget, so that no template runs for ever; Python's strings, comparisons and
// JSON where the engine's differ from what the model was trained with; and marks that tell the template's control tokens from a user's text.

import { FakError, quote } from '@fak/tensor'
import {
  ArrayValue,
  Evaluated,
  Interpreter,
  itemsOf,
  type Node,
  type Scope,
  stringOf,
  toValue,
  type Value,
} from './engine.js'
import { MAX_EVALUATION_DEPTH, MAX_INDENT, MAX_TEMPLATE_OUTPUT, MAX_TEMPLATE_STEPS } from './limits.js'
import type { TokenMarks } from './marks.js'
import { pythonStrip, type StripSides } from './python-strip.js'
import { compareCodePoints, type JsonStyle, PLAIN_JSON, pythonEquals, pythonJson, pythonString } from './python-text.js'

/** A loop iteration sets up scopes and loop variables, this many times the work of a plain node or more. */
export const STEPS_PER_ITERATION = 200

const COMPARISONS = new Set(['==', '!=', 'in', 'not in', '<', '>', '<=', '>='])
/** Filters that are the string's method of the same name. */
const OWN_STRING_FILTERS = new Set(['trim', 'replace', 'title', 'capitalize'])
/** Nodes of a block that write nothing themselves, or only what is in them. */
const STATEMENTS = new Set([
  'Set',
  'If',
  'For',
  'Macro',
  'CallStatement',
  'FilterStatement',
  'Comment',
  'Break',
  'Continue',
])
const STRIPS: ReadonlyMap<string, StripSides> = new Map([
  ['strip', 'both'],
  ['trim', 'both'],
  ['lstrip', 'left'],
  ['rstrip', 'right'],
])

/** Runs one rendering. With `marks`, control tokens in the template's own text come out as mark characters. */
export class TemplateInterpreter extends Interpreter {
  private steps = 0
  private depth = 0
  private readonly loopOver = new WeakSet<object>()

  constructor(
    scope: Scope,
    private readonly file: string | null,
    private readonly marks: TokenMarks | undefined,
  ) {
    super(scope)
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    if (!node) return super.evaluate(node, scope)
    if (node instanceof Evaluated) return node.value
    this.spend(1)
    if (++this.depth > MAX_EVALUATION_DEPTH) {
      this.fail('TEMPLATE_TOO_DEEP', `evaluation is nested deeper than ${MAX_EVALUATION_DEPTH}`)
    }
    try {
      const value = this.dispatch(node, scope)
      this.spendOn(value, node)
      return value
    } finally {
      this.depth--
    }
  }

  private fail(code: string, reason: string): never {
    throw new FakError(code, { file: this.file, reason })
  }

  private spend(steps: number): void {
    this.steps += steps
    if (this.steps > MAX_TEMPLATE_STEPS) {
      this.fail('TEMPLATE_BUDGET', `the template takes more than ${MAX_TEMPLATE_STEPS} steps`)
    }
  }

  /** Charges what the engine does with `value` beyond evaluating one node. */
  private spendOn(value: Value, node: Node): void {
    const length = stringOf(value)?.length ?? itemsOf(value)?.length ?? 0
    if (this.loopOver.has(node)) {
      const keys = value.type === 'ObjectValue' ? (value.value as Map<string, Value>).size : 0
      this.spend((length + keys) * STEPS_PER_ITERATION)
    }
    if (node.type === 'Identifier' || node.type === 'StringLiteral') return
    if (value.type === 'StringValue' && length > MAX_TEMPLATE_OUTPUT) {
      this.failTooLong()
    }
    this.spend(length >> (value.type === 'StringValue' ? 6 : 2))
  }

  private engine(node: Node, scope: Scope): Value {
    return super.evaluate(node, scope)
  }

  private dispatch(node: Node, scope: Scope): Value {
    switch (node.type) {
      case 'StringLiteral':
        return this.marks ? toValue(this.marks.mark(node.value)) : this.engine(node, scope)
      case 'For':
        this.loopOver.add(node.iterable.type === 'SelectExpression' ? node.iterable.lhs : node.iterable)
        return this.engine(node, scope)
      case 'BinaryExpression':
        return this.binary(node, scope)
      case 'MemberExpression':
        return this.member(node, scope)
      case 'CallExpression':
        return this.call(node, scope)
      case 'FilterExpression':
        return this.filter(node, scope)
      default:
        return this.engine(node, scope)
    }
  }

  /** Writes values as Python does. */
  override evaluateBlock(statements: readonly Node[], scope: Scope): Value {
    let text = ''
    for (const node of statements) {
      const value = this.evaluate(node, scope)
      if (!STATEMENTS.has(node.type)) text += pythonString(value)
      else text += stringOf(value) ?? ''
    }
    return toValue(text)
  }

  private binary(node: Node, scope: Scope): Value {
    const operator: string = node.operator.value
    if (operator === 'and' || operator === 'or') return this.engine(node, scope)
    let left = this.evaluate(node.left, scope)
    let right = this.evaluate(node.right, scope)
    if (operator === '~') return toValue(pythonString(left) + pythonString(right))
    if (COMPARISONS.has(operator)) {
      // Comparisons are of the text itself, not of marks.
      left = this.plain(left)
      right = this.plain(right)
      const result = compare(operator, left, right)
      if (result !== undefined) return toValue(result)
    } else if (operator === '+' && (stringOf(left) === undefined) !== (stringOf(right) === undefined)) {
      // The engine would write the other value as JavaScript does; to Python it is an error.
      this.fail('TEMPLATE_FAILED', 'the template adds text to what is no text, such as content in parts')
    } else if (operator === '*') {
      const repeated = this.repeated(left, right) ?? this.repeated(right, left)
      if (repeated) return repeated
    }
    return this.engine({ ...node, left: new Evaluated(left), right: new Evaluated(right) }, scope)
  }

  /** Python's `'ab' * 3`, which the engine lacks; `undefined` for other operands. */
  private repeated(operand: Value, times: Value): Value | undefined {
    const text = stringOf(operand)
    if (text === undefined || times.type !== 'IntegerValue') return undefined
    const count = Math.max(0, times.value as number)
    if (text.length * count > MAX_TEMPLATE_OUTPUT) this.failTooLong()
    return toValue(text.repeat(count))
  }

  private failTooLong(): never {
    return this.fail('TEMPLATE_BUDGET', `the template builds a string longer than ${MAX_TEMPLATE_OUTPUT} UTF-16 units`)
  }

  /** Parts of a string are counted in the text itself. */
  private member(node: Node, scope: Scope): Value {
    if (!this.marks || !node.computed) return this.engine(node, scope)
    const object = this.plainString(this.evaluate(node.object, scope))
    return this.engine({ ...node, object: new Evaluated(object) }, scope)
  }

  private call(node: Node, scope: Scope): Value {
    const { callee } = node
    if (callee.type === 'MemberExpression' && !callee.computed) {
      const object = this.evaluate(callee.object, scope)
      const name: string = callee.property.value
      const text = stringOf(object)
      if (text !== undefined) {
        const own = this.stringMethod(text, name, node.args, scope)
        if (own) return own
      }
      return this.callValue({ ...callee, object: new Evaluated(object) }, node, `method ${quote(name)}`, scope)
    }
    return this.callValue(callee, node, `function ${quote(String(callee.value))}`, scope)
  }

  private callValue(callee: Node, node: Node, what: string, scope: Scope): Value {
    const target = this.evaluate(callee, scope)
    if (target.type !== 'FunctionValue') this.fail('TEMPLATE_UNSUPPORTED', `${what} is not supported`)
    return this.engine({ ...node, callee: new Evaluated(target) }, scope)
  }

  /** String methods that differ from the engine's; `undefined` leaves a call to the engine. */
  private stringMethod(text: string, name: string, args: readonly Node[], scope: Scope): Value | undefined {
    if (args.some(({ type }) => type.startsWith('Keyword') || type === 'SpreadExpression')) return undefined
    const strings = (): (string | undefined)[] => {
      return args.map((argument) => stringOf(this.evaluate(argument, scope)))
    }
    const strip = STRIPS.get(name)
    if (strip && args.length <= 1) {
      const [characters] = strings()
      if (args.length === 1 && characters === undefined) return undefined
      return toValue(pythonStrip(text, strip, characters === undefined ? undefined : this.plainText(characters)))
    }
    if ((name === 'title' || name === 'capitalize') && args.length === 0) {
      return toValue(name === 'title' ? titleCase(this.plainText(text)) : capitalize(this.plainText(text)))
    }
    if (!this.marks) return undefined
    if (name === 'split' && args.length === 1) {
      const [separator] = strings()
      return separator ? toValue(this.marks.split(text, separator)) : undefined
    }
    if (name === 'replace' && args.length === 2) {
      const [from, to] = strings()
      return from && to !== undefined ? toValue(this.marks.split(text, from).join(to)) : undefined
    }
    // Whatever else a method does, it does to the text itself; a control token in it is text from then on.
    const plainArgs = args.map((argument) => {
      return new Evaluated(this.plain(this.evaluate(argument, scope)))
    })
    const callee = { type: 'MemberExpression', computed: false, property: { type: 'Identifier', value: name } }
    const object = new Evaluated(toValue(this.plainText(text)))
    const method = this.engine({ ...callee, object }, scope)
    if (method.type !== 'FunctionValue') return undefined
    return this.engine({ type: 'CallExpression', callee: new Evaluated(method), args: plainArgs }, scope)
  }

  private filter(node: Node, scope: Scope): Value {
    const operand = this.evaluate(node.operand, scope)
    const call = node.filter.type === 'CallExpression'
    const name: string = call ? node.filter.callee.value : node.filter.value
    const text = stringOf(operand)
    if (text !== undefined && OWN_STRING_FILTERS.has(name)) {
      const own = this.stringMethod(text, name, call ? node.filter.args : [], scope)
      if (own) return own
    }
    if (name === 'string' && !call) return toValue(pythonString(operand))
    if (name === 'tojson') return this.json(operand, call ? node.filter.args : [], scope)
    if (name === 'int' && !call && text !== undefined) return toValue(pythonInt(this.plainText(text)))
    if (name === 'join') return this.join(operand, call ? node.filter.args : [], scope)
    if (name === 'items' && operand.type === 'UndefinedValue') return new ArrayValue([])
    const counted = name === 'length' || name === 'count' ? this.plainString(operand) : operand
    return this.engine({ ...node, operand: new Evaluated(counted) }, scope)
  }

  /** `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`, as HF's chat templates have it. */
  private json(operand: Value, args: readonly Node[], scope: Scope): Value {
    const given = new Map<string, Value>()
    const names = ['ensure_ascii', 'indent', 'separators', 'sort_keys']
    for (const [i, argument] of args.entries()) {
      const keyword = argument.type === 'KeywordArgumentExpression'
      given.set(keyword ? argument.key.value : names[i], this.evaluate(keyword ? argument.value : argument, scope))
    }
    const indent = given.get('indent') ?? toValue(null)
    const spaces = indent.type === 'IntegerValue' ? Number(indent.value) : stringOf(indent)
    if (spaces === undefined && indent.type !== 'NullValue')
      this.fail('TEMPLATE_FAILED', 'indent of tojson must be a number or a string')
    if (typeof spaces === 'number' && spaces > MAX_INDENT)
      this.fail('TEMPLATE_BUDGET', `an indentation of ${spaces} spaces`)
    const separators = itemsOf(given.get('separators') ?? toValue(null))?.map(stringOf)
    const truth = (name: string) => given.get(name)?.value === true
    const style: JsonStyle = {
      ensureAscii: truth('ensure_ascii'),
      sortKeys: truth('sort_keys'),
      indent: spaces === undefined ? null : typeof spaces === 'number' ? ' '.repeat(Math.max(0, spaces)) : spaces,
      separators: [separators?.[0] ?? (spaces === undefined ? PLAIN_JSON.separators[0] : ','), separators?.[1] ?? ': '],
    }
    const text = pythonJson(operand, style)
    if (text === undefined) this.fail('TEMPLATE_FAILED', 'tojson of a value that JSON does not have')
    return toValue(text)
  }

  /** `join(separator='')`: the items as text. */
  private join(operand: Value, args: readonly Node[], scope: Scope): Value {
    const items =
      itemsOf(operand) ??
      [...(stringOf(operand) ?? this.fail('TEMPLATE_FAILED', `join of a ${operand.type}`))].map(toValue)
    const [argument] = args
    if (args.length > 1 || (argument?.type === 'KeywordArgumentExpression' && argument.key.value !== 'd')) {
      this.fail('TEMPLATE_UNSUPPORTED', 'filter "join" with an attribute is not supported')
    }
    const separator =
      argument === undefined
        ? ''
        : pythonString(this.evaluate(argument.type === 'KeywordArgumentExpression' ? argument.value : argument, scope))
    return toValue(items.map(pythonString).join(separator))
  }

  private plainText(text: string): string {
    return this.marks ? this.marks.unmark(text) : text
  }

  private plainString(value: Value): Value {
    const text = stringOf(value)
    return text !== undefined && this.marks?.in(text) ? toValue(this.marks.unmark(text)) : value
  }

  /** `value` with marks read as the tokens they stand for, also in the items of a list. */
  private plain(value: Value): Value {
    const items = itemsOf(value)
    const marked = items?.some((item) => this.marks?.in(stringOf(item) ?? ''))
    if (!items || !marked) return this.plainString(value)
    const nodes = items.map((item) => new Evaluated(this.plainString(item)))
    return this.engine({ type: 'ArrayLiteral', value: nodes }, this.global)
  }
}

/** What Python answers where the engine does not; `undefined` leaves a comparison to the engine. */
function compare(operator: string, left: Value, right: Value): boolean | undefined {
  if (operator === '==' || operator === '!=') return pythonEquals(left, right) === (operator === '==')
  const items = itemsOf(right)
  if (items && (operator === 'in' || operator === 'not in')) {
    return items.some((item) => pythonEquals(item, left)) === (operator === 'in')
  }
  const [a, b] = [stringOf(left), stringOf(right)]
  if (a === undefined || b === undefined) return undefined
  const order = compareCodePoints(a, b)
  switch (operator) {
    case '<':
      return order < 0
    case '>':
      return order > 0
    case '<=':
      return order <= 0
    case '>=':
      return order >= 0
    default:
      return undefined
  }
}

/** `text|int`: what Python's `int` or `float` reads, else 0. */
function pythonInt(text: string): number {
  const written = pythonStrip(text, 'both').replace(/(?<=\d)_(?=\d)/g, '')
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(written) ? Math.trunc(Number(written)) : 0
}

const capitalize = (text: string) => {
  const [first = ''] = text
  return first.toUpperCase() + text.slice(first.length).toLowerCase()
}

const titleCase = (text: string) => text.replace(/\p{L}+/gu, capitalize)
