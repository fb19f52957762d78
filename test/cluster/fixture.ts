/**
 * Several processes without a proxy, for what node:cluster itself does: `fixture.js manager N ADDRESS` manages, and is
 * its own serving process. An answer names the process it comes from. Commands come in and go out as lines of JSON.
 */

import cluster from 'node:cluster'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#lib/clock.js'
import { Manager } from '#lib/cluster/manager.js'
import { serve } from '#lib/cluster/process.js'
import { clusterSpawn, portToManager } from '#lib/cluster/spawn.js'
import { Listeners, type RequestHandler } from '#lib/listen/listeners.js'
import { type ListenOptions, parseListenAddress } from '#lib/listen/options.js'
import { systemRandom } from '#lib/random.js'
import { StubControl } from './support.js'

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function listenOptions(address: string): ListenOptions {
  return {
    address: [parseListenAddress(address)],
    certificate: undefined,
    certificateKey: undefined,
    http2: true,
    proxyProtocol: false,
    headersTimeout: 60_000,
    requestTimeout: 300_000,
    keepAliveTimeout: 65_000,
    maxConnections: 0,
    maxHeaderSize: 16_384,
    shutdownTimeout: 5_000,
  }
}

function handlerOf(control: StubControl): RequestHandler {
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    control.success++
    const block = Number(new URL(req.url ?? '/', 'http://a').searchParams.get('block') ?? 0)
    // Says that it does, and blocks, so that connections pile up before it.
    if (block > 0) res.flushHeaders()
    const end = systemClock.now() + block
    while (systemClock.now() < end);
    res.end(JSON.stringify({ pid: process.pid, servers: [...control.servers.keys()] }))
  }
  return Object.assign(handle, { attach: () => undefined })
}

function servingProcess(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
  const control = new StubControl()
  const listeners = new Listeners(handlerOf(control), systemClock, true)
  const put = async (configuration: unknown) => {
    const change = await listeners.prepare([listenOptions(String(configuration))])
    change.commit()
    return { urls: listeners.urls, warnings: [] }
  }
  let address = ''
  serve({
    port: portToManager(),
    clock: systemClock,
    open: (configuration) => {
      address = String(configuration)
      return {
        control,
        listen: () => put(address),
        reload: put,
        close: async (timeout) => {
          await listeners.retire()
          await listeners.close(timeout)
        },
      }
    },
    exit: () => process.exit(0),
  })
}

async function managingProcess([count = '2', address = '127.0.0.1:0']: string[]): Promise<void> {
  const logger = {
    info: (line: string) => say({ line }),
    warn: (line: string) => say({ line }),
    error: (line: string) => say({ line }),
  }
  let next = address
  const manager = await Manager.open({
    processes: Number(count),
    model: new StubControl(),
    configuration: address,
    read: async () => ({ configuration: next, commit: async () => {} }),
    spawn: clusterSpawn(fileURLToPath(import.meta.url)),
    logger,
    clock: systemClock,
    random: systemRandom,
  })
  process.once('SIGTERM', () => void manager.stop(5_000).then(() => say({ stopped: true })))
  say({ pids: manager.pids, urls: manager.listening.urls })
  const commands: Record<string, (value: string) => Promise<object>> = {
    add: async (url) => manager.change({ kind: 'add', url }),
    pids: async () => ({ pids: manager.pids }),
    snapshot: async () => ({ success: (await manager.snapshot()).client.success }),
    reload: async (to) => {
      next = to
      await manager.reload()
      return { urls: manager.listening.urls }
    },
  }
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const [name = '', value = ''] = line.split(' ')
    commands[name]!(value).then(
      (result) => say({ done: name, ...result }),
      (error: Error) => say({ failed: name, message: error.message }),
    )
  })
  process.once('SIGTERM', () => {
    lines.close()
    process.stdin.destroy()
  })
}

if (cluster.isWorker) servingProcess()
else if (process.argv[2] === 'manager') {
  managingProcess(process.argv.slice(3)).catch((error: Error) => say({ failed: 'open', message: error.message }))
} else createServer().close()
