/** The results in docs/performance.md, between its markers. */

import { grid } from './columns.mjs'
import { writeSections } from './sections.mjs'
import { markdownTable } from './text.mjs'

const page = new URL('../../docs/performance.md', import.meta.url)

/** @param {import('../main.mjs').Report} report */
export function writePage(report) {
  writeSections(page, { results: resultsText(report) })
}

/** @param {import('../main.mjs').Report} report */
export function resultsText({ date, machine, plan, versions, targets, cases }) {
  const { quick, rounds, duration } = plan
  const parts = [
    `Measured on ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}. ` +
      `The medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${duration} s.` +
      (quick ? ' A quick run: it shows that everything runs, and little about speed.' : ''),
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '### What has to be reached',
    markdownTable([
      ['', 'must reach', 'measured', ''],
      ...targets.map(({ what, limit, measured, verdict }) => [what, limit, measured, verdict]),
    ]),
    ...cases.flatMap((result) => [
      `### ${result.title}`,
      result.about,
      markdownTable(grid(result)),
      ...result.notes.map((note) => `- ${note}`),
    ]),
  ]
  return `${parts.join('\n\n')}\n`
}
