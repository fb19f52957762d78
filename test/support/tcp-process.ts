/** A router in a process of its own, for what concerns its memory: everything goes to the server of its argument. */

import type { AddressInfo } from 'node:net'
import { createTcpRouter } from '#lib/tcp/index.js'

const remote = process.argv[2] ?? ''
const router = createTcpRouter(() => ({ remote }))
let peak = 0
const look = (): void => {
  peak = Math.max(peak, process.memoryUsage.rss())
}
setInterval(look, 10).unref()

process.on('message', (message) => {
  look()
  process.send?.({ peak })
  if (message === 'reset') peak = 0
})
process.once('disconnect', () => process.exit())
const { port } = (await router.listen(0, '127.0.0.1')) as AddressInfo
process.send?.({ port })
