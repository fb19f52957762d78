/** Clients that keep their connection, and do nothing with it. */

import { withinFileLimit } from '../harness/limits.mjs'
import { written } from '../report/columns.mjs'
import { heldMemory } from './memory.mjs'

/** @type {import('./case.mjs').Case} */
export const idleCase = {
  name: 'idle',
  title: 'Idle clients',
  about: ({ idleClients }) =>
    `What ${written(idleClients, 0)} keep-alive connections, each after one small GET, add to the resident memory. Node has collected its garbage before both looks.`,
  columns: ['connectionMemory', 'memory'],
  ratio: { column: 'connectionMemory', label: '× http-proxy' },
  run({ rivals, servers, plan, note }) {
    const count = withinFileLimit(plan.idleClients, 1, note)
    const memory = /** @type {const} */ ({ what: 'request', count, column: 'connectionMemory', rounds: plan.rounds })
    return heldMemory(rivals, { servers, keepIdle: true }, memory, note)
  },
}
