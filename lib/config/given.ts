/** A section object on its way from what was given to what the parts of the proxy work with. */

import type { Place } from './diagnostics.js'
import type { SectionOrigin } from './origin.js'
import type { SectionSchema } from './schema.js'

/** By the names of options in objects. */
export type Values = Map<string, unknown>

export interface Section {
  readonly schema: SectionSchema
  readonly source: object
  readonly path: string
  readonly title: string
  readonly origin: SectionOrigin | undefined
  readonly values: Values
  /** Given, but not sound. */
  readonly failed: Set<string>
}

/** Where the value of an option stands, or an item of it. */
export function placeOf({ origin, path }: Section, name: string, at?: number | string): Place {
  const known = origin?.options.get(name)
  if (known !== undefined) return (at === undefined ? undefined : known.items.get(at)) ?? known.place
  if (at === undefined) return { path: `${path}.${name}` }
  return { path: `${path}.${name}${typeof at === 'number' ? `[${at}]` : `[${JSON.stringify(at)}]`}` }
}
