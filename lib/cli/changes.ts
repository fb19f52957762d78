/** What a reload has changed, in words. */

import { isDeepStrictEqual } from 'node:util'
import type { ResolvedEntry } from '../config/load.js'
import { idOf } from '../pool/source.js'
import type { Loaded } from './configuration.js'
import { shortServer } from './words.js'

/** One phrase for each change; empty when the settings are the same. */
export function describeChanges(old: Loaded, next: Loaded): string[] {
  const before = entriesByName(old)
  const after = entriesByName(next)
  const phrases: string[] = []
  if (!isDeepStrictEqual(old.config.defaults, next.config.defaults)) phrases.push('the defaults changed')
  for (const [name, entry] of after) {
    const known = before.get(name)
    if (known === undefined) phrases.push(`entry ${name} is new`)
    else phrases.push(...entryChanges(name, known, entry))
  }
  for (const name of before.keys()) if (!after.has(name)) phrases.push(`entry ${name} is gone`)
  if (orderChanged([...before.keys()], [...after.keys()])) phrases.push('the order of the entries changed')
  return phrases
}

interface Entry {
  readonly config: object
  readonly resolved: ResolvedEntry
}

function entriesByName({ config, resolved }: Loaded): Map<string, Entry> {
  const entries = config.entries ?? []
  return new Map(resolved.entries.map((entry, i) => [entry.name, { config: entries[i] ?? {}, resolved: entry }]))
}

function entryChanges(name: string, old: Entry, next: Entry): string[] {
  const [before, after] = [serversOf(old), serversOf(next)]
  const joined = [...after].filter((server) => !before.has(server)).map((server) => `+${server}`)
  const left = [...before].filter((server) => !after.has(server)).map((server) => `-${server}`)
  if (joined.length + left.length > 0) return [`entry ${name}: ${[...joined, ...left].join(' ')}`]
  return isDeepStrictEqual(old.config, next.config) ? [] : [`entry ${name} changed`]
}

function serversOf({ resolved: { options } }: Entry): Set<string> {
  return new Set([...options.serverList, ...options.backupList].map((item) => shortServer(idOf(item))))
}

function orderChanged(before: readonly string[], after: readonly string[]): boolean {
  const common = (names: readonly string[], others: readonly string[]) => names.filter((name) => others.includes(name))
  return !isDeepStrictEqual(common(before, after), common(after, before))
}
