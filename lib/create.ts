/** A configuration becomes a running proxy. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from './config/load.js'
import { Core } from './core.js'
import type { Logger } from './forward/events.js'
import { poolStatus } from './forward/status-page.js'
import type { Next } from './middleware/node.js'
import type { ProxySettings, Proxy as RunningProxy } from './proxy.js'

/**
 * Makes a proxy from a configuration: a file's path or URL, or an object.
 *
 * @throws {ConfigError} with every problem of the configuration in `diagnostics`
 */
export function createProxy(config: string | URL | Config, settings: ProxySettings = {}): RunningProxy {
  const { logger } = settings
  if (logger !== undefined && logger !== false && !isLogger(logger)) {
    throw new TypeError('logger has to have the methods info, warn and error, as console has, or to be false')
  }
  return asFunction(new Core(config, settings))
}

function isLogger(logger: Logger): boolean {
  const methods: unknown[] = [logger.info, logger.warn, logger.error]
  return methods.every((method) => typeof method === 'function')
}

function asFunction(core: Core): RunningProxy {
  const handle = (req: IncomingMessage, res: ServerResponse, next?: Next): void => core.gate.handle(req, res, next)
  const proxy = handle as RunningProxy
  const methods: Omit<RunningProxy, 'pools' | 'files' | 'control'> = {
    attach: (server) => {
      core.attach(server)
      return proxy
    },
    upgrade: (req, socket, head) => core.gate.upgrade(req, socket, head),
    acceptWorker: (req, socket, head) => core.feeds.gate.accept(req, socket, head),
    on: (event, listener) => {
      core.events.on(event, listener as never)
      return proxy
    },
    once: (event, listener) => {
      core.events.once(event, listener as never)
      return proxy
    },
    off: (event, listener) => {
      core.events.off(event, listener as never)
      return proxy
    },
    reload: (config) => core.reload(config),
    close: (options) => core.close(options),
    clientAddress: (req) => core.clientAddress(req),
    explain: (request) => core.explain(request),
    stats: () => core.gate.forwarder.stats,
  }
  Object.assign(proxy, methods)
  Object.defineProperties(proxy, {
    pools: { get: () => core.gate.routing.routes.map(poolStatus), enumerable: true },
    files: { get: () => core.files, enumerable: true },
    control: { value: core.control, enumerable: true },
  })
  return proxy
}
