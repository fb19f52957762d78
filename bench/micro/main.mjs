/**
 * The parts of the fast path by themselves: `npm run bench:micro -- [match] [pick] [head] [--quick] [--json]`.
 */

import { parseArgs } from 'node:util'
import { grid } from '../report/columns.mjs'
import { terminalTable } from '../report/text.mjs'
import { headOperations } from './head.mjs'
import { timeOperations } from './loop.mjs'
import { matchOperations } from './match.mjs'
import { pickOperations } from './pick.mjs'

const groups = {
  match: { title: 'Finding the entry', base: '× one entry', operations: matchOperations },
  pick: { title: 'A pick, until its request is over', base: '× 3 servers', operations: pickOperations },
  head: { title: 'Reading a response', base: '', operations: headOperations },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !(name in groups))
if (unknown.length > 0) {
  console.error(`no group "${unknown.join('", "')}"; there are: ${Object.keys(groups).join(', ')}`)
  process.exit(1)
}
const plan = values.quick ? { rounds: 5, roundTime: 10 } : { rounds: 15, roundTime: 40 }

/** @type {Record<string, import('../harness/load.mjs').Row[]>} */
const results = {}
for (const [name, { title, base, operations }] of Object.entries(groups)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const rows = timeOperations(operations(), plan)
  results[name] = rows
  if (values.json) continue
  const ratio = /** @type {const} */ ({ column: 'nanoseconds', label: base })
  const lines = grid({ name, title, about: '', columns: ['nanoseconds'], ratio, rows, notes: [] })
  console.log(`\n${title}\n${terminalTable(lines)}`)
}
if (values.json) console.log(JSON.stringify(results))
