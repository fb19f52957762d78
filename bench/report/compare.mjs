/** What became of the results of an earlier run. */

import { columns, written } from './columns.mjs'

/**
 * The ratios now : then of everything that both runs have measured.
 *
 * @param {readonly import('./columns.mjs').CaseResult[]} now
 * @param {readonly import('./columns.mjs').CaseResult[]} then
 * @returns {{ title: string, grid: string[][] }[]} a grid for each case that both have
 */
export function compareResults(now, then) {
  return now.flatMap((result) => {
    const earlier = then.find(({ name }) => name === result.name)
    if (earlier === undefined) return []
    const names = result.columns.filter((name) => earlier.columns.includes(name))
    const lines = result.rows.flatMap((row) => {
      const base = earlier.rows.find(({ name }) => name === row.name)
      if (base === undefined) return []
      return [[row.name, ...names.map((name) => written(row.values[name] / base.values[name], 2))]]
    })
    if (lines.length === 0) return []
    const head = names.map(
      (name) => `${columns[name].label} ${columns[name].better === 'more' ? '(more is better)' : ''}`,
    )
    return [{ title: result.title, grid: [['', ...head.map((text) => text.trim())], ...lines] }]
  })
}
