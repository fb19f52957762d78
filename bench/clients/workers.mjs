/**
 * Workers that dial in and are asked for nothing, all in one process: `node workers.mjs URL COUNT`. Says `open` when all
 * have joined.
 */

import { joinProxy } from '../../dist/workers/join.js'

const [, , url, count] = process.argv
let open = 0
for (let i = 0; i < Number(count); i++) {
  const joined = joinProxy((_, res) => res.end('ok'), url, { instance: `worker-${i}`, logger: false })
  joined.on('joined', () => {
    if (++open === Number(count)) process.send?.({ open })
  })
}
process.once('disconnect', () => process.exit())
