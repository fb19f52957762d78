import { createServer } from 'node:http'
import { createProxy } from '../../dist/index.js'
import { listen, settings } from './serve.mjs'

const config = settings.config ?? {
  entries: [{ match: '/*', serverList: settings.servers, loadBalance: 'Round-Robin', highAvailability: true }],
}
const proxy = createProxy(config, { logger: false })
if (settings.observed) {
  /** @type {Map<number | undefined, number>} */
  const answers = new Map()
  proxy.on('requestEnd', ({ status }) => answers.set(status, (answers.get(status) ?? 0) + 1))
}
const server = createServer(proxy)
proxy.attach(server)
if (settings.workersPort !== undefined) {
  const workers = createServer()
  workers.on('upgrade', (req, socket, head) => proxy.acceptWorker(req, socket, head) || socket.destroy())
  workers.listen(settings.workersPort, '127.0.0.1')
}
listen(server)
