/** Pieces of what the commands say. */

import { stripVTControlCharacters } from 'node:util'
import type { PoolStatus } from '../forward/status-page.js'

/** `1 entry`, `3 servers`. */
export function count(number: number, noun: string): string {
  if (number === 1) return `1 ${noun}`
  return `${number} ${noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`
}

/** A server as a person would write it in a file: without what is the default anyway. */
export function shortServer(url: string): string {
  return url.replace(/^http:\/\//, '')
}

/** An entry in one line: its name, its balancer, its servers. `width`: that of the longest name. */
export function describePool(
  { name, balancer, servers }: PoolStatus,
  nameWidth: number,
  balancerWidth: number,
): string {
  const list = (backup: boolean): string =>
    servers
      .filter((server) => server.backup === backup)
      .map(({ url, weight }) => `${shortServer(url)}${weight === 1 ? '' : `*${weight}`}`)
      .join(' ')
  const backups = list(true)
  const padded = `${name.padEnd(nameWidth)}  ${balancer.padEnd(balancerWidth)}  ${list(false)}`
  return backups === '' ? padded : `${padded}  backup: ${backups}`
}

/** All entries, in columns. */
export function describePools(pools: readonly PoolStatus[]): string[] {
  const nameWidth = Math.max(0, ...pools.map(({ name }) => name.length))
  const balancerWidth = Math.max(0, ...pools.map(({ balancer }) => balancer.length))
  return pools.map((pool) => describePool(pool, nameWidth, balancerWidth))
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
