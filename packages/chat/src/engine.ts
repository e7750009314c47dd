// The template engine as far as this package uses it. Its declarations do not resolve under Node's module rules, so the shapes are
// written down here, in the one place to look at when its version (pinned) changes.

import * as jinja from '@huggingface/jinja'

/** A syntax node. Only `type` is common to all. */
export interface Node {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: a node's members depend on its type, which is data
  readonly [member: string]: any
}

/** A value while a template runs. */
export interface Value {
  /** `StringValue`, `ArrayValue`, `FunctionValue`, … */
  readonly type: string
  readonly value: unknown
}

/** A lexical token. */
export interface Token {
  readonly type: string
  readonly value: string
}

/** Variables in scope. */
export interface Scope {
  /** Declares a variable with plain data, or a function over plain data; returns the engine's value for it. */
  set(name: string, value: unknown): Value
  /** Declares a variable with a value of the engine. */
  setVariable(name: string, value: Value): Value
}

interface EngineInterpreter {
  readonly global: Scope
  run(program: Node): Value
  evaluate(node: Node | undefined, scope: Scope): Value
  evaluateBlock(statements: readonly Node[], scope: Scope): Value
}

/** Class of scopes. */
export const Environment = jinja.Environment as unknown as new () => Scope

/** Class of interpreters; `evaluate` is called for every node, so a subclass sees and can change everything. */
export const Interpreter = jinja.Interpreter as unknown as new (scope: Scope) => EngineInterpreter

/** Source to tokens. */
export const tokenize = jinja.tokenize as unknown as (
  source: string,
  options: { lstrip_blocks: boolean; trim_blocks: boolean },
) => Token[]

/** Tokens to a program. */
export const parse = jinja.parse as unknown as (tokens: readonly Token[]) => Node

/** A node that is evaluated already: it lets a part of an expression be evaluated first, and the rest by the engine. */
export class Evaluated implements Node {
  readonly type = 'Evaluated'
  readonly [member: string]: unknown

  constructor(readonly value: Value) {}
}

/** The engine's value for plain data. */
export function toValue(data: unknown): Value {
  return new Environment().set('value', data)
}

type ValueClass = new (value: unknown) => Value
const classOf = (data: unknown) => toValue(data).constructor as ValueClass

/** The engine's values for Python's `int`, `float`, `list` and `dict`. */
export const IntegerValue = classOf(0)
export const FloatValue = classOf(0.5)
export const ArrayValue = classOf([])
export const ObjectValue = classOf({})

/** The text of a string value, or `undefined` for any other value. */
export function stringOf(value: Value): string | undefined {
  return value.type === 'StringValue' ? (value.value as string) : undefined
}

/** The entries of a dict value, in order, or `undefined` for any other value. */
export function entriesOf(value: Value): ReadonlyMap<string, Value> | undefined {
  return value.type === 'ObjectValue' ? (value.value as Map<string, Value>) : undefined
}

/** The items of a list or tuple value, or `undefined` for any other value. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  return Array.isArray(value.value) ? (value.value as Value[]) : undefined
}
