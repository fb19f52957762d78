import { written } from '../../bench/report/columns.mjs'
import { columns } from '../scenarios/scenario.mjs'

/**
 * A result as a grid of text, its head first.
 *
 * @param {import('../main.mjs').Result} result
 * @returns {string[][]}
 */
export function grid({ labels, columns: names, rows }) {
  const head = [...labels, ...names.map((name) => columns[name].label)]
  const lines = rows.map((row) => [
    ...row.labels,
    ...names.map((name) => written(row.values[name], columns[name].digits)),
  ])
  return [head, ...lines]
}
