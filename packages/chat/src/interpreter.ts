// The engine's interpreter with three things added: a budget, so that no template runs for ever; Python's string methods where the
// engine's differ from what the model was trained with; and marks that tell the template's control tokens from a user's text.

import { FakError, quote } from '@fak/tensor'
import { Evaluated, Interpreter, itemsOf, type Node, type Scope, stringOf, toValue, type Value } from './engine.js'
import { MAX_EVALUATION_DEPTH, MAX_TEMPLATE_OUTPUT, MAX_TEMPLATE_STEPS } from './limits.js'
import type { TokenMarks } from './marks.js'
import { pythonStrip, type StripSides } from './python-strip.js'

/** A loop iteration sets up scopes and loop variables, about this many times the work of a plain node. */
export const STEPS_PER_ITERATION = 100

const COMPARISONS = new Set(['==', '!=', 'in', 'not in', '<', '>', '<=', '>='])
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
      this.fail('TEMPLATE_BUDGET', `the template builds a string longer than ${MAX_TEMPLATE_OUTPUT} UTF-16 units`)
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

  private binary(node: Node, scope: Scope): Value {
    const operator: string = node.operator.value
    if (operator === 'and' || operator === 'or') return this.engine(node, scope)
    let left = this.evaluate(node.left, scope)
    let right = this.evaluate(node.right, scope)
    if (COMPARISONS.has(operator)) {
      // Comparisons are of the text itself, not of marks.
      left = this.plain(left)
      right = this.plain(right)
    } else if (operator === '+' && (itemsOf(left) === undefined) !== (itemsOf(right) === undefined)) {
      // The engine would write the list out as JavaScript does.
      this.fail(
        'TEMPLATE_FAILED',
        'the template adds a list to text, such as content in parts where it expects a string',
      )
    }
    return this.engine({ ...node, left: new Evaluated(left), right: new Evaluated(right) }, scope)
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
    if (text !== undefined && (name === 'trim' || name === 'replace')) {
      const own = this.stringMethod(text, name, call ? node.filter.args : [], scope)
      if (own) return own
    }
    if (name === 'string' && !call) {
      // Python's spelling; the engine writes JavaScript's, and knows none for None.
      if (operand.type === 'BooleanValue') return toValue(operand.value ? 'True' : 'False')
      if (operand.type === 'NullValue') return toValue('None')
    }
    const counted = name === 'length' || name === 'count' ? this.plainString(operand) : operand
    return this.engine({ ...node, operand: new Evaluated(counted) }, scope)
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
