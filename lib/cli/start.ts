import { type Clock, systemClock } from '../clock.js'
import { parseProcesses } from '../cluster/options.js'
import type { Logger } from '../forward/events.js'
import { AccessLogging } from './access-logging.js'
import { runCluster } from './cluster.js'
import { type Arguments, type Command, configOption, exitCodes, UsageError } from './command.js'
import { ConfigWatch } from './config-watch.js'
import { givenFile, type Loaded, listenAddresses, load } from './configuration.js'
import { LeveledLog } from './leveled-log.js'
import { type Managed, Managing } from './managing.js'
import { Service } from './service.js'
import { untilStopped } from './signals.js'
import type { Terminal } from './terminal.js'
import { version } from './version.js'
import { describePools } from './words.js'

export const start: Command = {
  name: 'start',
  summary: 'Serves what the configuration says, until a signal ends it.',
  usage: '[-c FILE] [--listen ADDRESS]… [--processes N] [--watch]',
  options: {
    config: {
      ...configOption,
      doc: 'The configuration file. Default: proxy.conf in the working directory; without it, an empty pool and the management API on 127.0.0.1:8687.',
    },
    listen: {
      short: 'l',
      value: 'ADDRESS',
      repeatable: true,
      doc: 'Listens here and not where [LISTEN] says: 8080, 127.0.0.1:8080, https://:8443, unix:/run/p.sock. Repeatable.',
    },
    processes: {
      short: 'p',
      value: 'N',
      doc: 'How many processes serve, or auto: one for each processor. Default: what [CLUSTER] says, or 1.',
    },
    watch: { short: 'w', doc: 'Reloads when the file, or one that it includes or names, changes.' },
  },
  notes: `HUP reloads the file: a bad one is reported, and what was in force goes on. It also opens the access log anew, as
USR1 does alone.
TERM, INT and QUIT stop accepting, and finish what is under way within ShutdownTimeout; a second one ends it at once.`,
  run,
}

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const file = givenFile(args)
  const clock = systemClock
  const log = new LeveledLog(terminal, clock)
  const addresses = listenAddresses(args)
  const wanted = processes(args)
  // Before anything is said: whoever reads that it listens may send a signal at once.
  const stopped = untilStopped()
  const settings = { file, addresses, terminal, logger: log.logger, clock, stopped, watch: args.on('watch') }
  const { cluster, log: logOptions } = load(file, addresses).resolved
  log.setLevel(logOptions.level)
  const manage = async (service: Managed): Promise<Managing> => {
    service.onReload(({ resolved }) => log.setLevel(resolved.log.level))
    const managing = await Managing.begin(service, log.logger, clock)
    if (file === undefined) log.logger.info(howToBegin(service.loaded))
    return managing
  }
  const count = wanted ?? cluster.processes
  return count > 1 ? runCluster({ ...settings, processes: count, manage }) : serveAlone({ ...settings, manage })
}

interface AloneSettings {
  readonly file: string | undefined
  readonly addresses: ReturnType<typeof listenAddresses>
  readonly terminal: Terminal
  readonly logger: Logger
  readonly clock: Clock
  readonly watch: boolean
  readonly stopped: Promise<string>
  readonly manage: (service: Managed) => Promise<Managing>
}

async function serveAlone({ watch: watches, stopped, manage, ...settings }: AloneSettings): Promise<number> {
  const { logger, clock } = settings
  let reload = (): void => {}
  let reopen = (): void => {}
  process.on('SIGHUP', () => reload())
  process.on('SIGUSR1', () => reopen())
  const service = await Service.open(settings)
  const access = new AccessLogging(service.proxy, logger, clock)
  access.apply(service.loaded.resolved.log)
  service.onReload(({ resolved }) => access.apply(resolved.log))
  logger.info(`pointsman ${version()}, process ${process.pid}, ${service.source}`)
  let managing: Managing
  try {
    managing = await manage(service)
  } catch (error) {
    await service.stop()
    throw error
  }
  const watch = watches ? new ConfigWatch(service, clock) : undefined
  reopen = () => access.reopen()
  reload = () => {
    reopen()
    void (watch ?? service).reload()
  }
  for (const line of describePools(service.proxy.pools)) logger.info(`entry ${line}`)
  for (const url of service.listeners.urls) logger.info(`listening on ${url}`)
  const signal = await stopped
  service.refuseNew()
  watch?.close()
  logger.info(`${signal}: finishing what is under way; a second signal ends it at once`)
  await service.stop()
  await managing.close()
  await access.close()
  logger.info('stopped')
  return exitCodes.ok
}

/** The number of `--processes`; undefined without. */
function processes(args: Arguments): number | undefined {
  const text = args.text('processes')
  if (text === undefined) return undefined
  try {
    return parseProcesses(text)
  } catch (error) {
    throw new UsageError(`--processes: ${(error as Error).message}`)
  }
}

function howToBegin({ resolved }: Loaded): string {
  const port = resolved.management.listen?.port
  return `no proxy.conf here, so the pool is empty; add a server: curl localhost:${port}/servers -d '{"url":"http://127.0.0.1:12345"}'`
}
