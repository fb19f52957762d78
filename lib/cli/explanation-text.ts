import type { ExplainedEntry, ExplainedServer, Explanation } from '../forward/explain.js'
import type { Paint } from './terminal.js'
import { align, shortServer } from './words.js'

/** An explanation for people. `statisticsURL`: the path at which the proxy answers itself, before any entry. */
export function formatExplanation(explanation: Explanation, statisticsURL: string | undefined, paint: Paint): string {
  const { method, host, path, outcome, entries, readings, balancer, servers, sent } = explanation
  const blocks = [[`${paint('bold', `${method} ${path}`)}${host === '' ? '' : ` on host ${host}`}`]]
  if (path === statisticsURL) return [...blocks.flat(), '', '  the proxy answers it itself: StatisticsURL'].join('\n')
  if (outcome === 'malformed') blocks.push([paint('red', 'refused with 400: the request target is malformed')])
  if (entries.length > 0) blocks.push(align(entries.map((entry) => entryRow(entry, paint))))
  if (outcome === 'ambiguous') {
    blocks.push([
      paint('red', 'refused with 400: the path can be read in several ways, and they lead to different entries'),
      ...readings.map((reading) => `  ${reading.path} → ${reading.entry ?? 'no entry'}`),
    ])
  }
  if (outcome === 'none') blocks.push([paint('red', 'no entry takes it: 404, or the next handler of an application')])
  if (outcome === 'entry') {
    const rows = servers.map((server) => serverRow(server, paint))
    blocks.push([`balancer ${paint('bold', balancer ?? '')}`, ...align(rows)])
  }
  if (sent !== undefined) {
    const fields = sent.headers.map(([name, value]) => `  ${paint('cyan', name)}: ${value}`)
    blocks.push(['sent to the server', `  ${paint('bold', `${method} ${sent.target}`)}`, ...fields])
  }
  return blocks.map((lines) => lines.join('\n')).join('\n\n')
}

function entryRow({ name, place, matched, reason, pattern }: ExplainedEntry, paint: Paint): readonly string[] {
  const style = matched ? 'green' : 'dim'
  const why = matched ? `its pattern ${pattern?.text} at ${pattern?.place}` : misses[reason ?? 'path']
  return [matched ? '✓' : '✗', name, place, why].map((text) => paint(style, text))
}

const misses = {
  host: 'not its Host',
  method: 'not its Method',
  path: 'none of its patterns matches',
} as const

function serverRow({ url, weight, backup, standing, odds }: ExplainedServer, paint: Paint): readonly string[] {
  // Odds are counted from samples; decimals would only look exact.
  const percent = `${odds > 0 && odds < 0.005 ? '<1' : Math.round(odds * 100)} %`.padStart(5)
  const standingText = `${standing}${backup && standing !== 'waiting as a backup' ? ' (backup)' : ''}${weight === 1 ? '' : `, weight ${weight}`}`
  const style = odds > 0 ? 'green' : 'dim'
  return [percent, shortServer(url), standingText].map((text) => paint(style, text))
}
