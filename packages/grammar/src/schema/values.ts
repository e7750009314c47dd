// Whether a value fits, and whether no value can: for the values of `enum` and for `oneOf`.

import { allows } from '../dfa.js'
import { isRecord, kindOf, type Place } from './keywords.js'
import { itemPlaces, propertyPlaces, type Shape, type Shapes, same } from './shapes.js'
import { numbersOf, stringsOf } from './texts.js'

const MAX_LOOK = 8

/** Whether a value is one that the schemas allow. Formats are taken as kept. */
export function fits(value: unknown, places: readonly Place[], shapes: Shapes): boolean {
  return shapes.of(places).some((shape) => fitsShape(value, shape, shapes))
}

/** {@link fits} for one alternative. */
export function fitsShape(value: unknown, shape: Shape, shapes: Shapes): boolean {
  if (!shape.kinds.has(kindOf(value))) return false
  if (shape.values !== null && !shape.values.some((other) => same(value, other))) return false
  if (typeof value === 'number') return fitsNumber(value, shape)
  if (typeof value === 'string') {
    const length = [...value].length
    if (length < shape.minLength || length > shape.maxLength) return false
    return shape.patterns.length === 0 || allows(stringsOf(shape, { formats: false }), value)
  }
  if (Array.isArray(value)) {
    if (value.length < shape.minItems || value.length > shape.maxItems) return false
    return value.every((item, i) => fits(item, itemPlaces(shape, i), shapes))
  }
  if (!isRecord(value)) return true
  const names = Object.keys(value)
  if (names.length < shape.minProperties || names.length > shape.maxProperties) return false
  if (![...shape.required].every((name) => Object.hasOwn(value, name))) return false
  return names.every(
    (name) => fits(name, shape.names, shapes) && fits(value[name], propertyPlaces(shape, name), shapes),
  )
}

function fitsNumber(value: number, { min, max, whole, multiples }: Shape): boolean {
  if (whole && !Number.isInteger(value)) return false
  if (min !== null && (min.exclusive ? value <= min.value : value < min.value)) return false
  if (max !== null && (max.exclusive ? value >= max.value : value > max.value)) return false
  return multiples.every(({ value: divisor }) => Number.isInteger(value / divisor))
}

/** Whether it is certain that no value fits: what is not certain counts as possible. */
export function impossible(places: readonly Place[], shapes: Shapes, depth = 0): boolean {
  if (depth > MAX_LOOK) return false
  return shapes.of(places).every((shape) => impossibleShape(shape, shapes, depth))
}

function impossibleShape(shape: Shape, shapes: Shapes, depth: number): boolean {
  if (shape.values !== null) return !shape.values.some((value) => fitsShape(value, shape, shapes))
  return [...shape.kinds].every((kind) => {
    if (kind === 'number') {
      const { min, max } = shape
      if (min === null || max === null) return false
      return (
        min.value > max.value ||
        (min.value === max.value && (min.exclusive || max.exclusive)) ||
        (shape.whole && numbersOf(shape).length === 0)
      )
    }
    if (kind === 'string') return stringsOf(shape, { formats: false }).length === 0
    if (kind === 'array') {
      if (shape.minItems > shape.maxItems) return true
      return Array.from({ length: Math.min(shape.minItems, MAX_LOOK) }).some((_, i) =>
        impossible(itemPlaces(shape, i), shapes, depth + 1),
      )
    }
    if (kind !== 'object') return false
    if (Math.max(shape.minProperties, shape.required.size) > shape.maxProperties) return true
    return [...shape.required].some((name) => impossible(propertyPlaces(shape, name), shapes, depth + 1))
  })
}
