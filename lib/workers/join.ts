/** `pointsman/worker`: an application that finds its proxies, rather than they it. */

import { createSecureContext } from 'node:tls'
import { type Clock, systemClock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import { isBearerToken } from '../pool/service-address.js'
import { type Random, systemRandom } from '../random.js'
import { type App, AppBackend } from './backend.js'
import type { WorkerTlsOptions } from './handshake.js'
import { JoinedProxy } from './joined-proxy.js'
import { parseProxyAddress } from './proxy-address.js'
import { defaultService, instanceName, isWorkerName } from './wire.js'

export type { App } from './backend.js'
export type { WorkerTlsOptions } from './handshake.js'
export { JoinedProxy, type JoinedProxyEvents, type WorkerConnection } from './joined-proxy.js'
export { WorkerError } from './worker-error.js'

/** Options of {@link joinProxy}. */
export interface JoinOptions {
  /** What entries list as `worker:NAME`. Default: `default`. */
  readonly service?: string
  /** Name of this worker among those of its service. Default: made of host name, process id and chance. */
  readonly instance?: string
  /** A whole number from 1 to 1000. Default: 1. */
  readonly weight?: number
  /** The `Token` of the proxy's `[WORKERS]`. */
  readonly token?: string
  /** For `https://` addresses: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`, as `tls.connect` takes them. */
  readonly tls?: WorkerTlsOptions
  /** Where it is told of connections and their loss; `false`: nowhere. Default: `console`. */
  readonly logger?: Logger | false
  /** For tests. */
  readonly clock?: Clock
  /** For tests. */
  readonly random?: Random
}

/**
 * Serves `app` through one or several proxies: it dials each, joins all of its processes, and does so again whenever a
 * connection is lost, until `leave` is called. The proxies may be started before it or after it.
 *
 * ```js
 * const joined = joinProxy(app, 'http://127.0.0.1:8000', { service: 'api' })
 * process.once('SIGTERM', () => joined.leave())
 * ```
 *
 * `app` is a request listener, an Express app, or an `http.Server` (which then gets upgrades too; it does not have to
 * listen itself). `url` is `http://host:port`, `https://host:port`, or `unix:/path`; several stand in a list.
 *
 * @throws TypeError for wrong arguments. What happens later is told by events and the logger.
 */
export function joinProxy(
  app: App,
  url: string | URL | readonly (string | URL)[],
  options: JoinOptions = {},
): JoinedProxy {
  const { clock = systemClock, random = systemRandom, logger = console } = options
  const { service = defaultService, weight = 1, token, tls = {} } = options
  const instance = options.instance ?? instanceName(random)
  for (const [what, name] of Object.entries({ service, instance })) {
    if (typeof name === 'string' && isWorkerName(name)) continue
    throw new TypeError(`bad ${what} "${name}"; it consists of at most 64 letters, digits, ".", "_" and "-"`)
  }
  if (!Number.isInteger(weight) || weight < 1 || weight > 1000) {
    throw new TypeError(`bad weight ${weight}; it is a whole number from 1 to 1000`)
  }
  if (token !== undefined && !(typeof token === 'string' && isBearerToken(token))) {
    throw new TypeError('a token consists of letters, digits, "-", ".", "_", "~", "+" and "/"')
  }
  const urls = [url].flat() as readonly (string | URL)[]
  const addresses = urls.map((each) => parseProxyAddress(String(each)))
  if (addresses.length === 0)
    throw new TypeError('joinProxy needs the address of a proxy, such as http://127.0.0.1:8000')
  // What it throws for options that cannot be used would otherwise come with each try.
  if (addresses.some(({ secure }) => secure)) checkTls(tls)
  return new JoinedProxy({
    backend: new AppBackend(app, clock),
    addresses,
    join: { service, instance, weight, token, tls },
    logger: logger === false ? silent : logger,
    clock,
    random,
  })
}

function checkTls(tls: WorkerTlsOptions): void {
  try {
    createSecureContext(tls)
  } catch (error) {
    throw new TypeError(`bad tls: ${(error as Error).message}`, { cause: error })
  }
}

const silent: Logger = { info() {}, warn() {}, error() {} }
