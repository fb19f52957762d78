/**
 * The shape of bodies, as the part of JSON Schema 2020-12 that this API needs. One description checks what clients
 * send, stands in the OpenAPI document, and is what tests hold the answers against.
 */

import { show } from '../config/section.js'
import { nearest, unknown } from '../config/suggest.js'

type TypeName = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'object' | 'array'

export interface Schema {
  readonly type?: TypeName
  readonly description?: string
  readonly enum?: readonly (string | number | boolean)[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly pattern?: string
  readonly format?: 'date-time'
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly minProperties?: number
  /** At most one of these fits a value by its type. */
  readonly anyOf?: readonly Schema[]
}

/** An object: each key has to be there unless it stands in `optional`, and there are no others. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
  description?: string,
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return {
    type: 'object',
    ...(description === undefined ? {} : { description }),
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  }
}

/** What is wrong with a value, in words for whoever sent it; undefined: nothing. `name` is empty for the whole body. */
export function problemOf(schema: Schema, value: unknown, name = ''): string | undefined {
  if (schema.anyOf !== undefined) {
    const fitting = schema.anyOf.find((each) => isOfType(each, value))
    return fitting === undefined ? mismatch(schema, value, name) : problemOf(fitting, value, name)
  }
  if (!isOfType(schema, value)) return mismatch(schema, value, name)
  if (schema.properties !== undefined) return problemOfObject(schema, value as Record<string, unknown>, name)
  if (schema.items !== undefined) return problemOfList(schema.items, value as readonly unknown[], name)
  return isInRange(schema, value) ? undefined : mismatch(schema, value, name)
}

function problemOfObject(schema: Schema, value: Record<string, unknown>, name: string): string | undefined {
  const { properties = {}, required = [], minProperties = 0 } = schema
  const known = Object.keys(properties)
  for (const [key, item] of Object.entries(value)) {
    const found = Object.hasOwn(properties, key) ? problemOf(properties[key]!, item, join(name, key)) : unknownKey(key)
    if (found !== undefined) return found
  }
  const missing = required.find((key) => !Object.hasOwn(value, key))
  if (missing !== undefined) return `"${join(name, missing)}" is missing: ${describe(properties[missing]!)}`
  if (Object.keys(value).length < minProperties) return `nothing to change; known keys: ${known.join(', ')}`
  return undefined

  function unknownKey(key: string): string {
    // The list of what is known helps more than a guess alone, and keys are few.
    const guess = nearest(key, known)
    const shown = join(name, key).slice(0, 100)
    return guess === undefined
      ? unknown('key', shown, known)
      : `unknown key "${shown}"; did you mean "${join(name, guess)}"?`
  }
}

function problemOfList(items: Schema, value: readonly unknown[], name: string): string | undefined {
  for (const [index, item] of value.entries()) {
    const found = problemOf(items, item, `${name}[${index}]`)
    if (found !== undefined) return found
  }
  return undefined
}

function isOfType({ type, enum: names }: Schema, value: unknown): boolean {
  switch (type) {
    case undefined:
      return names === undefined || names.includes(value as string)
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    default:
      return typeof value === type
  }
}

function isInRange(schema: Schema, value: unknown): boolean {
  const { enum: names, pattern, format, minLength, minimum, maximum } = schema
  if (names !== undefined && !names.includes(value as string)) return false
  if (typeof value === 'number') return value >= (minimum ?? value) && value <= (maximum ?? value)
  if (typeof value !== 'string') return true
  if (value.length < (minLength ?? 0)) return false
  if (format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return false
  return pattern === undefined || new RegExp(pattern).test(value)
}

function mismatch(schema: Schema, value: unknown, name: string): string {
  const shown = show(value)
  const short = shown.length > 100 ? `${shown.slice(0, 100)}…` : shown
  return `${name === '' ? 'the body' : `"${name}"`} has to be ${describe(schema)}, not ${short}`
}

const nouns: Readonly<Record<TypeName, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'null',
  object: 'an object',
  array: 'a list',
}

/** What a value has to be, as a part of a sentence. */
function describe({ anyOf, enum: names, type, minimum, maximum, pattern, description }: Schema): string {
  if (anyOf !== undefined) return listed(anyOf.map(describe))
  if (names !== undefined) return listed(names.map((each) => JSON.stringify(each)))
  if (type === undefined) return 'anything'
  const noun = nouns[type]
  if (pattern !== undefined && description !== undefined) return `${noun}: ${description}`
  if (maximum !== undefined) return `${noun} from ${minimum ?? 0} to ${maximum}`
  if (minimum !== undefined) return `${noun} of at least ${minimum}`
  return noun
}

function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`
}

function join(name: string, key: string): string {
  return name === '' ? key : `${name}.${key}`
}
