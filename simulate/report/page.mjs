/** The results in docs/scaling.md: each scenario between its markers. */

import { writeSections } from '../../bench/report/sections.mjs'
import { markdownTable } from '../../bench/report/text.mjs'
import { grid } from './table.mjs'

const page = new URL('../../docs/scaling.md', import.meta.url)

/** @param {import('../main.mjs').Report} report */
export function writePage({ results }) {
  writeSections(page, Object.fromEntries(results.map((result) => [result.name, sectionOf(result)])))
}

/** @param {import('../main.mjs').Result} result */
export function sectionOf(result) {
  return `${result.about}\n\n${markdownTable(grid(result))}\n`
}
