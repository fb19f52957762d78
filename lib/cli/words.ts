/** Pieces of what the commands say. */

import { stripVTControlCharacters } from 'node:util'
import type { ResolvedEntry } from '../config/load.js'
import { idOf, type Listed } from '../pool/source.js'

/** `1 entry`, `3 servers`. */
export function count(number: number, noun: string): string {
  if (number === 1) return `1 ${noun}`
  return `${number} ${noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`
}

/** A server as a person would write it in a file: without what is the default anyway. */
export function shortServer(url: string): string {
  return url.replace(/^(dns:|srv:)?(?:http|tcp):\/\//, '$1')
}

/** An entry of HTTP or TCP. */
interface Described {
  readonly name: string
  readonly options: Pick<ResolvedEntry['options'], 'loadBalance' | 'serverList' | 'backupList'>
}

/** All entries, in columns: name, balancer, and what `ServerList` and `BackupList` name. */
export function describeEntries(entries: readonly Described[]): string[] {
  const nameWidth = Math.max(0, ...entries.map(({ name }) => name.length))
  const balancerWidth = Math.max(0, ...entries.map(({ options }) => options.loadBalance.name.length))
  return entries.map(({ name, options: { loadBalance, serverList, backupList } }) => {
    const line = `${name.padEnd(nameWidth)}  ${loadBalance.name.padEnd(balancerWidth)}  ${describeList(serverList)}`
    return backupList.length === 0 ? line : `${line}  backup: ${describeList(backupList)}`
  })
}

/** Each item once, with the sum of its weights. */
function describeList(list: readonly Listed[]): string {
  const weights = new Map<string, number>()
  for (const item of list) weights.set(idOf(item), (weights.get(idOf(item)) ?? 0) + item.weight)
  return [...weights].map(([id, weight]) => `${shortServer(id)}${weight === 1 ? '' : `*${weight}`}`).join(' ')
}

/** Rows in columns, each as wide as its widest cell. Colours do not count. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, stripVTControlCharacters(cell).length)
    })
  }
  return rows.map((row) =>
    `  ${row.map((cell, i) => cell + ' '.repeat(widths[i]! - stripVTControlCharacters(cell).length)).join('  ')}`.trimEnd(),
  )
}
