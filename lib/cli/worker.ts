/** The sidecar: a server of any language, on this machine or near, joins proxies through it. */

import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { type Clock, systemClock } from '../clock.js'
import type { ProxyError } from '../errors.js'
import type { Logger } from '../forward/events.js'
import { parseServer, type ServerAddress } from '../pool/address.js'
import { isBearerToken } from '../pool/service-address.js'
import { systemRandom } from '../random.js'
import { JoinedProxy } from '../workers/joined-proxy.js'
import { type ProxyAddress, parseProxyAddress } from '../workers/proxy-address.js'
import { ServerBackend } from '../workers/server-backend.js'
import { defaultService, instanceName, isWorkerName } from '../workers/wire.js'
import { type Arguments, type Command, CommandError, exitCodes, UsageError } from './command.js'
import { lineLogger } from './log.js'
import { untilStopped } from './signals.js'
import type { Terminal } from './terminal.js'
import { shortServer } from './words.js'

/** Milliseconds that requests under way may take once it is to end. */
const leaveTimeout = 30_000
const defaultProxy = '127.0.0.1:8000'

export const worker: Command = {
  name: 'worker',
  summary: 'Joins proxies on behalf of a server, which needs no entry in their files.',
  usage: '--to ADDRESS [--join ADDRESS]… [--service NAME] [--token TOKEN]',
  options: {
    to: { value: 'ADDRESS', doc: 'The server: 127.0.0.1:3000, unix:/run/app.sock, h2c://127.0.0.1:50051.' },
    join: {
      short: 'j',
      value: 'ADDRESS',
      repeatable: true,
      doc: `Where a proxy takes workers: [WORKERS] Listen there. Repeatable. Default: ${defaultProxy}.`,
    },
    service: { short: 's', value: 'NAME', doc: 'What entries list as worker:NAME. Default: default.' },
    instance: { value: 'NAME', doc: 'Name among the workers of the service. Default: made up.' },
    weight: { value: 'N', doc: 'Its share of the requests, 1 to 1000. Default: 1.' },
    token: { value: 'TOKEN', doc: 'The Token of [WORKERS]. Default: POINTSMAN_TOKEN of the environment.' },
    ca: { value: 'FILE', doc: "Authorities in PEM for an https:// proxy. Default: the system's." },
  },
  notes: `The proxy may be started before it or after it; a connection that is lost is made again. TERM, INT and QUIT let it
leave: requests under way are answered first. The token is better kept in the environment than in the list of processes.`,
  run: (args, terminal) => runWorker(args, terminal, systemClock, untilStopped, process.env),
}

/** The command, with what it is timed by. `untilStopped`: resolves with a name when it is to end. */
export async function runWorker(
  args: Arguments,
  terminal: Terminal,
  clock: Clock,
  untilStopped: () => Promise<string>,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const logger = lineLogger(terminal, clock)
  const server = serverOf(args)
  const addresses = proxiesOf(args)
  const join = joinOf(args, env)
  const stopped = untilStopped()
  logger.info(`worker ${join.service}/${join.instance}: requests go to ${shortServer(server.id)}`)
  const joined = new JoinedProxy({
    backend: new ServerBackend(server, clock),
    addresses,
    join,
    logger,
    clock,
    random: systemRandom,
    watcher: new ServerWatch(shortServer(server.id), logger),
  })
  const signal = await stopped
  logger.info(`${signal}: finishing what is under way; a second signal ends it at once`)
  await joined.leave({ timeout: leaveTimeout })
  logger.info('stopped')
  return exitCodes.ok
}

function serverOf(args: Arguments): ServerAddress {
  const to = args.text('to')
  if (to === undefined) throw new UsageError('--to is missing: the server that requests go to, such as 127.0.0.1:3000')
  const { address, weight } = usage('--to', () => oneServer(/^\d+$/.test(to) ? `127.0.0.1:${to}` : to))
  if (address.scheme === 'worker') throw new UsageError('--to: a worker cannot stand before a worker')
  if (weight !== 1) throw new UsageError('--to: the weight of a worker is given with --weight')
  return address
}

function oneServer(text: string): ReturnType<typeof parseServer> {
  try {
    return parseServer(text)
  } catch (error) {
    if (!/^(?:dns|srv|worker):/i.test(text)) throw error
    throw new Error(`"${text}" stands for several servers, and only in a ServerList; name one, such as 127.0.0.1:3000`)
  }
}

function proxiesOf(args: Arguments): readonly ProxyAddress[] {
  const given = args.texts('join')
  return (given.length === 0 ? [defaultProxy] : given).map((text) => usage('--join', () => parseProxyAddress(text)))
}

function joinOf(args: Arguments, env: NodeJS.ProcessEnv): ConstructorParameters<typeof JoinedProxy>[0]['join'] {
  const service = args.text('service') ?? defaultService
  const instance = args.text('instance') ?? instanceName(systemRandom)
  for (const [option, name] of Object.entries({ service, instance })) {
    if (isWorkerName(name)) continue
    throw new UsageError(`--${option}: "${name}" is no name; it consists of letters, digits, ".", "_" and "-"`)
  }
  const digits = args.text('weight') ?? '1'
  const weight = /^\d{1,4}$/.test(digits) ? Number(digits) : 0
  if (weight < 1 || weight > 1000) throw new UsageError('--weight: a whole number from 1 to 1000')
  const token = args.text('token') ?? (env.POINTSMAN_TOKEN || undefined)
  if (token !== undefined && !isBearerToken(token)) throw new UsageError('--token: this is no token')
  return { service, instance, weight, token, tls: tlsOf(args) }
}

function tlsOf(args: Arguments): { ca?: string } {
  const file = args.text('ca')
  if (file === undefined) return {}
  try {
    const ca = readFileSync(file, 'latin1')
    if (!ca.includes('-----BEGIN ')) throw new Error('it has no "-----BEGIN" line')
    createSecureContext({ ca })
    return { ca }
  } catch (error) {
    throw new CommandError(`--ca: no authorities can be read from ${file}: ${(error as Error).message}`)
  }
}

function usage<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`)
  }
}

/** Says once that the server does not answer, and once that it does again. */
class ServerWatch {
  readonly #server: string
  readonly #logger: Logger
  #problem: string | undefined

  constructor(server: string, logger: Logger) {
    this.#server = server
    this.#logger = logger
  }

  failed({ message }: ProxyError): void {
    if (message === this.#problem) return
    this.#problem = message
    this.#logger.warn(`${this.#server} failed a request: ${message}`)
  }

  answered(): void {
    if (this.#problem === undefined) return
    this.#problem = undefined
    this.#logger.info(`${this.#server} answers again`)
  }
}
