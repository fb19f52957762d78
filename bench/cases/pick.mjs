/** What a pick costs by itself, without the request around it. */

import { fileURLToPath } from 'node:url'
import { runToEnd } from '../harness/children.mjs'

const program = fileURLToPath(new URL('../micro/main.mjs', import.meta.url))

/** @type {import('./case.mjs').Case} */
export const pickCase = {
  name: 'pick',
  title: 'A pick among many servers',
  about: () =>
    'Every balancer by itself, with 64 requests under way: a pick, and all that the balancer is told about the request until it is over.',
  columns: ['nanoseconds'],
  ratio: { column: 'nanoseconds', label: '× 3 servers' },
  async run({ plan }) {
    const args = [program, 'pick', '--json', ...(plan.quick ? ['--quick'] : [])]
    return JSON.parse(await runToEnd(process.execPath, args)).pick
  },
}
