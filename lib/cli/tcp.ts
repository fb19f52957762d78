/** Content-aware TCP routing: the route is the default export of a module. */

import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Clock, systemClock, type Timer } from '../clock.js'
import { listenProblem } from '../listen/listen-error.js'
import { parsePort } from '../pool/address.js'
import type { Route } from '../tcp/decision.js'
import { TcpError } from '../tcp/errors.js'
import type { TcpRouterOptions } from '../tcp/options.js'
import { createTcpRouter, type TcpRouter } from '../tcp/router.js'
import { type Arguments, type Command, CommandError, exitCodes, UsageError } from './command.js'
import { lineLogger } from './log.js'
import { sameTime } from './signals.js'
import type { Terminal } from './terminal.js'
import { count } from './words.js'

export const tcp: Command = {
  name: 'tcp',
  summary: 'Connects TCP clients to servers that a function of yours chooses by their first bytes.',
  usage: '-c FILE [-h HOST] [-p PORT]',
  options: {
    config: {
      short: 'c',
      value: 'FILE',
      doc: 'A module of JavaScript. Its default export is the route; its export "options", if any, are the options of the router.',
    },
    host: { short: 'h', value: 'HOST', doc: 'The address to listen at. Default: 0.0.0.0.' },
    port: { short: 'p', value: 'PORT', doc: 'The port to listen at. Default: 5432.' },
  },
  notes: `QUIT stops accepting, and waits as long as the connections take. TERM and INT stop accepting, wait for ten seconds,
and cut what is left; a second one ends it at once. The title of the process tells how many connections there are, were
at most at once, and were at all.`,
  run,
}

/** Milliseconds that connections have after TERM or INT. */
const shortTime = 10_000

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const clock = systemClock
  const logger = lineLogger(terminal, clock)
  const host = args.text('host') ?? '0.0.0.0'
  const port = portOf(args.text('port') ?? '5432')
  const router = await routerOf(args.text('config'))
  // Before anything is said: whoever reads that it listens may send a signal at once.
  const ending = new Ending(router, clock, (text) => logger.info(text))
  router.on('connectError', (remote, error) => logger.warn(`no connection to ${remote}: ${error.message}`))
  router.on('inactivityError', (remote, error) => logger.warn(`${remote} is silent: ${error.message}`))
  router.on('error', (error, connection) => {
    const whose = connection === undefined ? '' : `${connection.remoteAddress || 'a client'}: `
    logger.warn(`${whose}${error.message}${traceOf(error)}`)
  })
  const address = await listen(router, port, host)
  const title = new Title(router, clock)
  logger.info(`listening on ${host.includes(':') ? `[${host}]` : host}:${address.port}`)
  await ending.reached
  title.stop()
  logger.info('stopped')
  // What the module holds, such as connections to a database, must not keep the process.
  process.exit(exitCodes.ok)
}

function portOf(text: string): number {
  try {
    return parsePort(text, text, 0)
  } catch (error) {
    throw new UsageError(`--port: ${(error as Error).message}`)
  }
}

async function routerOf(file: string | undefined): Promise<TcpRouter> {
  if (file === undefined) throw new UsageError('the module with the route is missing; name it with -c')
  let module: { default?: unknown; options?: unknown }
  try {
    module = await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    throw new CommandError(`cannot load ${file}: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
  }
  if (typeof module.default !== 'function') {
    throw new CommandError(
      `${file} has no route: its default export has to be a function (data, connection) => decision`,
    )
  }
  try {
    return createTcpRouter(module.default as Route, module.options as TcpRouterOptions | undefined)
  } catch (error) {
    throw new CommandError(`${file}: options: ${(error as Error).message}`)
  }
}

async function listen(router: TcpRouter, port: number, host: string): Promise<AddressInfo> {
  try {
    return (await router.listen(port, host)) as AddressInfo
  } catch (error) {
    const place = { scheme: 'tcp', host, port, socketPath: undefined } as const
    throw new CommandError(listenProblem(place, error).replace('tcp://', ''))
  }
}

/** Where the route has thrown. */
function traceOf(error: Error): string {
  const { cause } = error
  const isThrown = error instanceof TcpError && error.code === 'ERR_TCP_ROUTE' && cause instanceof Error
  return isThrown && cause.stack !== undefined ? `\n${cause.stack}` : ''
}

/** The signals that end it. */
class Ending {
  /** Settles when all connections are over. */
  readonly reached: Promise<void>
  readonly #router: TcpRouter
  readonly #clock: Clock
  readonly #say: (text: string) => void
  #short: { signal: string; at: number } | undefined
  #reach: () => void = () => {}

  constructor(router: TcpRouter, clock: Clock, say: (text: string) => void) {
    this.#router = router
    this.#clock = clock
    this.#say = say
    this.reached = new Promise((resolve) => {
      this.#reach = resolve
    })
    process.on('SIGQUIT', () => this.#stop('SIGQUIT', Number.POSITIVE_INFINITY))
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#stopSoon(signal))
  }

  #stopSoon(signal: string): void {
    const at = this.#clock.now()
    if (this.#short === undefined) {
      this.#short = { signal, at }
      this.#stop(signal, shortTime)
    } else if (signal !== this.#short.signal || at - this.#short.at > sameTime) {
      process.exit(exitCodes.failure)
    }
  }

  #stop(signal: string, timeout: number): void {
    const { current } = this.#router.counts
    const time = timeout === shortTime ? ` within ${shortTime / 1000} s` : ''
    this.#router.close({ timeout }).then(this.#reach)
    // Once it is true: whoever reads this finds the port closed.
    this.#say(`${signal}: ${current === 0 ? 'stopping' : `finishing ${count(current, 'connection')}${time}`}`)
  }
}

/** Keeps the title of the process up. */
class Title {
  readonly #router: TcpRouter
  readonly #clock: Clock
  #timer: Timer | undefined

  constructor(router: TcpRouter, clock: Clock) {
    this.#router = router
    this.#clock = clock
    // The whole title is written anew each time; a few times a second are enough.
    const changed = (): void => {
      this.#timer ??= this.#clock.setTimeout(() => this.#show(), 250)
    }
    router.on('connection', changed)
    router.on('close', changed)
    this.#show()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #show(): void {
    this.#timer = undefined
    const { current, peak, total } = this.#router.counts
    process.title = `pointsman tcp ${current}/${peak}/${total}`
  }
}
