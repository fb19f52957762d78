/** What a reload has changed, in words. */

import { isDeepStrictEqual } from 'node:util'
import type { ResolvedEntry } from '../config/load.js'
import { formatServiceAddress } from '../pool/service-address.js'
import { idOf } from '../pool/source.js'
import type { WorkersOptions } from '../workers/options.js'
import type { Loaded } from './configuration.js'
import { shortServer } from './words.js'

/** One phrase for each change; empty when the settings are the same. */
export function describeChanges(old: Loaded, next: Loaded): string[] {
  const phrases: string[] = []
  if (!isDeepStrictEqual(old.config.defaults, next.config.defaults)) phrases.push('the defaults changed')
  const of = ({ config, resolved }: Loaded) => entriesByName(config.entries, resolved.entries)
  const ofTcp = ({ config, resolved }: Loaded) => entriesByName(config.tcp, resolved.tcp)
  phrases.push(...changesOf('entry', of(old), of(next)), ...changesOf('TCP entry', ofTcp(old), ofTcp(next)))
  const isReordered = orderChanged([...of(old).keys()], [...of(next).keys()])
  if (isReordered || orderChanged([...ofTcp(old).keys()], [...ofTcp(next).keys()])) {
    phrases.push('the order of the entries changed')
  }
  phrases.push(...workersChanges(old.resolved.workers, next.resolved.workers))
  return phrases
}

/** Secrets and certificates are not shown. */
function workersChanges(old: WorkersOptions, next: WorkersOptions): string[] {
  const phrases: string[] = []
  const [before, after] = [whereWorkersDialIn(old), whereWorkersDialIn(next)]
  if (before !== after) phrases.push(`workers dial in ${after}`)
  if (old.token !== next.token) phrases.push('the token of workers changed')
  const isOther = old.certificate !== next.certificate || old.certificateKey !== next.certificateKey
  if (isOther && before === after) phrases.push('the certificate for workers changed')
  return phrases
}

function whereWorkersDialIn({ listen, certificate }: WorkersOptions): string {
  if (listen === undefined) return 'nowhere'
  return `at ${formatServiceAddress(listen, listen.port, certificate === undefined ? 'http' : 'https')}`
}

type Lists = Pick<ResolvedEntry['options'], 'serverList' | 'backupList'>

interface Entry {
  readonly config: object
  readonly lists: Lists
}

function entriesByName(
  configs: readonly object[] = [],
  resolved: readonly { readonly name: string; readonly options: Lists }[],
): Map<string, Entry> {
  return new Map(resolved.map(({ name, options }, i) => [name, { config: configs[i] ?? {}, lists: options }]))
}

/** `kind`: `entry`, `TCP entry`. */
function changesOf(kind: string, before: ReadonlyMap<string, Entry>, after: ReadonlyMap<string, Entry>): string[] {
  const phrases: string[] = []
  for (const [name, entry] of after) {
    const known = before.get(name)
    if (known === undefined) phrases.push(`${kind} ${name} is new`)
    else phrases.push(...entryChanges(`${kind} ${name}`, known, entry))
  }
  for (const name of before.keys()) if (!after.has(name)) phrases.push(`${kind} ${name} is gone`)
  return phrases
}

/** `title`: what the entry is called. */
function entryChanges(title: string, old: Entry, next: Entry): string[] {
  const [before, after] = [serversOf(old), serversOf(next)]
  const joined = [...after].filter((server) => !before.has(server)).map((server) => `+${server}`)
  const left = [...before].filter((server) => !after.has(server)).map((server) => `-${server}`)
  if (joined.length + left.length > 0) return [`${title}: ${[...joined, ...left].join(' ')}`]
  return isDeepStrictEqual(old.config, next.config) ? [] : [`${title} changed`]
}

function serversOf({ lists: { serverList, backupList } }: Entry): Set<string> {
  return new Set([...serverList, ...backupList].map((item) => shortServer(idOf(item))))
}

function orderChanged(before: readonly string[], after: readonly string[]): boolean {
  const common = (names: readonly string[], others: readonly string[]) => names.filter((name) => others.includes(name))
  return !isDeepStrictEqual(common(before, after), common(after, before))
}
