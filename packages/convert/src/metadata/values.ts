// Metadata values in the types that the official converter writes.

import type { GgufValueContent } from '@fak/gguf'

export type Entry = readonly [string, GgufValueContent]

export const text = (key: string, value: string): Entry => [key, { type: 'string', value }]
export const u32 = (key: string, value: number): Entry => [key, { type: 'u32', value }]
export const i32 = (key: string, value: number): Entry => [key, { type: 'i32', value }]
export const f32 = (key: string, value: number): Entry => [key, { type: 'f32', value }]
export const bool = (key: string, value: boolean): Entry => [key, { type: 'bool', value }]
export const texts = (key: string, items: readonly string[]): Entry => list(key, 'string', items)
export const i32s = (key: string, items: readonly number[]): Entry => list(key, 'i32', items)
export const bools = (key: string, items: readonly boolean[]): Entry => list(key, 'bool', items)

const list = (
  key: string,
  itemType: 'string' | 'i32' | 'bool',
  items: readonly (string | number | boolean)[],
): Entry => [key, { type: 'array', value: { itemType, items } }]

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A property of a JSON object, never of its prototype; `null` and what is no object have none. */
export const own = (object: unknown, key: string): unknown =>
  isObject(object) && Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined
