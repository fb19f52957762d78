/** What entries have to be beside what each of their keys says. */

import { namedSources } from '../pool/source.js'
import { type Diagnostics, formatPlace, type Place } from './diagnostics.js'
import { sectionTitle } from './ini.js'
import { configOrigin } from './origin.js'
import type { ResolvedEntry } from './resolved.js'
import { entrySchema } from './schema.js'

interface NamedEntry {
  readonly name: string
  readonly place: Place
}

/** A configuration without any entry is none. */
export function reportEmpty(config: object, diagnostics: Diagnostics): void {
  const origin = configOrigin(config)
  if (origin === undefined) diagnostics.add({ path: 'entries' }, '', 'no entry')
  else diagnostics.add({ file: origin.file, line: 1, column: 1 }, '', 'no [PROXY_ENTRY]')
}

/** What a file can hold as a label. */
export function isLabel(name: unknown): name is string {
  return typeof name === 'string' && /^[^\s[\]](?:[^[\]\p{Cc}]*[^\s[\]])?$/u.test(name)
}

/** No two entries of a configuration have one name, whatever they are for: their pools are called by it. */
export function checkNames(
  section: string,
  entries: readonly NamedEntry[],
  otherSection: string,
  others: readonly NamedEntry[],
  diagnostics: Diagnostics,
): void {
  const seen = new Map<string, Place>()
  const check = (title: string, { name, place }: NamedEntry): void => {
    const first = seen.get(name)
    if (first === undefined) seen.set(name, place)
    else
      diagnostics.add(
        place,
        sectionTitle(title, name),
        `the name "${name}" is taken by the entry at ${formatPlace(first)}`,
      )
  }
  for (const entry of entries) check(section, entry)
  for (const entry of others) check(otherSection, entry)
}

/** Workers need somewhere to dial in. */
export function checkWorkers(entries: readonly ResolvedEntry[], diagnostics: Diagnostics): void {
  for (const { name, isLabelled, place, options } of entries) {
    const sources = namedSources([...options.serverList, ...options.backupList])
    const worker = sources.find(({ source }) => source.kind === 'worker')?.source.id
    if (worker === undefined) continue
    diagnostics.add(
      place,
      sectionTitle(entrySchema.name, isLabelled ? name : ''),
      `${worker}: workers have nowhere to dial in; add [WORKERS] with Listen 127.0.0.1:8000`,
    )
  }
}
