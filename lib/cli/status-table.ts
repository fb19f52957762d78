/** The servers of a running proxy as a table. */

import type { Paint, Style } from './terminal.js'
import { shortServer } from './words.js'

/** A server as `GET /servers` tells it; as much of it as is shown. */
export interface ServerView {
  readonly id: string
  readonly url: string
  readonly pool: string
  readonly state: string
  readonly reason: string
  readonly backup: boolean
  readonly connections: number
  readonly lastCheck: { readonly at: string; readonly passed: boolean; readonly result: string } | null
}

/** A server as `GET /stats/detail` tells it. */
export interface ServerStats {
  readonly id: string
  readonly pool: string
  readonly success: number
  readonly failed: number
  readonly latency: { readonly p50: number | null; readonly p99: number | null }
}

/** `GET /stats`. */
export interface Totals {
  readonly client: { readonly success: number; readonly failed: number }
}

/** What the API said at one time. */
export interface Look {
  /** Milliseconds on a monotonic scale. */
  readonly at: number
  /** Milliseconds since the Unix epoch. */
  readonly wallTime: number
  readonly servers: readonly ServerView[]
  readonly detail: readonly ServerStats[]
  readonly stats: Totals
}

interface Cell {
  readonly text: string
  readonly style?: Style
}

interface Column {
  readonly title: string
  readonly right?: boolean
}

/** What the lines have to fit in; undefined: anything. */
export interface Fit {
  readonly columns: number
  readonly rows: number
}

/** Longest reason on a screen, on which there is more to be seen. */
const reasonWidth = 32

const stateStyles: Readonly<Record<string, Style>> = {
  up: 'green',
  offline: 'red',
  down: 'red',
  draining: 'yellow',
  disabled: 'dim',
}

/** The lines of the table. Rates are those since `before`; without it, the requests since the start stand there. */
export function statusTable(now: Look, before: Look | undefined, fit: Fit | undefined, paint: Paint): string[] {
  const columns: readonly Column[] = [
    { title: 'pool' },
    { title: 'server' },
    { title: 'state' },
    { title: 'reason' },
    { title: 'connections', right: true },
    { title: before === undefined ? 'requests' : 'requests/s', right: true },
    { title: 'failed', right: true },
    { title: 'p50', right: true },
    { title: 'p99', right: true },
    { title: 'last check' },
  ]
  const known = byServer(now.detail)
  const earlier = before && byServer(before.detail)
  const rows = now.servers.map((server) => {
    const stats = known.get(keyOf(server))
    const requests = earlier === undefined ? total(stats) : rate(stats, earlier.get(keyOf(server)), now.at - before!.at)
    return [
      { text: server.pool },
      { text: `${shortServer(server.url)}${server.backup ? ' (backup)' : ''}` },
      { text: server.state, style: stateStyles[server.state] ?? 'red' },
      { text: fit === undefined ? server.reason : clip(server.reason, reasonWidth) },
      { text: String(server.connections) },
      { text: requests },
      {
        text: stats === undefined ? '-' : String(stats.failed),
        ...(stats && stats.failed > 0 ? { style: 'red' } : {}),
      },
      { text: milliseconds(stats?.latency.p50) },
      { text: milliseconds(stats?.latency.p99) },
      check(server.lastCheck, now.wallTime),
    ] as Cell[]
  })
  const head = columns.map(({ title }): Cell => ({ text: title, style: 'bold' }))
  return layOut(columns, [head, ...rows.map((row) => row.map(harmless))], fit, paint)
}

function keyOf({ pool, id }: { readonly pool: string; readonly id: string }): string {
  return JSON.stringify([pool, id])
}

function byServer(detail: readonly ServerStats[]): Map<string, ServerStats> {
  return new Map(detail.map((stats) => [keyOf(stats), stats]))
}

function total(stats: ServerStats | undefined): string {
  return stats === undefined ? '-' : String(stats.success + stats.failed)
}

/** A count that has shrunk is that of another process. */
function rate(now: ServerStats | undefined, before: ServerStats | undefined, time: number): string {
  if (now === undefined || before === undefined || time <= 0) return '-'
  const requests = now.success + now.failed - before.success - before.failed
  return requests < 0 ? '-' : ((requests * 1000) / time).toFixed(1)
}

/** `0.4ms`, `12ms`, `1.2s`. */
function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-'
  if (value >= 1000) return `${(value / 1000).toFixed(1)}s`
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}ms`
}

function check(last: ServerView['lastCheck'], wallTime: number): Cell {
  if (last === null) return { text: '-' }
  // The clock of the proxy's machine may be ahead of this one.
  const seconds = Math.max(0, Math.round((wallTime - Date.parse(last.at)) / 1000))
  const age = Number.isNaN(seconds) ? '' : `, ${seconds}s ago`
  return last.passed ? { text: `${last.result}${age}` } : { text: `failed: ${last.result}${age}`, style: 'red' }
}

/** What comes from elsewhere must not command the terminal. */
function harmless(cell: Cell): Cell {
  return { ...cell, text: cell.text.replace(/\p{C}/gu, '\ufffd') }
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

function layOut(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  fit: Fit | undefined,
  paint: Paint,
): string[] {
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.text.length)))
  const shown = fit === undefined || rows.length <= fit.rows ? rows : rows.slice(0, Math.max(1, fit.rows - 1))
  const lines = shown.map((row) => {
    let left = fit?.columns ?? Number.POSITIVE_INFINITY
    const parts = row.map(({ text, style }, i) => {
      const padded = columns[i]!.right ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)
      const visible = (i === row.length - 1 ? padded.trimEnd() : `${padded}  `).slice(0, left)
      left -= visible.length
      return style === undefined || visible === '' ? visible : paint(style, visible)
    })
    return parts.join('').trimEnd()
  })
  if (shown.length < rows.length) lines.push(paint('dim', `… ${rows.length - shown.length} more`))
  return lines
}
