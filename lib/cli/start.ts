import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Clock, systemClock } from '../clock.js'
import { type FileWatch, watchFiles } from '../config/watch.js'
import type { Logger } from '../forward/events.js'
import { type Arguments, type Command, configOption, exitCodes } from './command.js'
import { givenFile, listenAddresses } from './configuration.js'
import { Logging } from './logging.js'
import { Managing } from './managing.js'
import { Service } from './service.js'
import { untilStopped } from './signals.js'
import type { Terminal } from './terminal.js'
import { version } from './version.js'
import { describePools } from './words.js'

export const start: Command = {
  name: 'start',
  summary: 'Serves what the configuration says, until a signal ends it.',
  usage: '[-c FILE] [--listen ADDRESS]… [--watch]',
  options: {
    config: configOption,
    listen: {
      short: 'l',
      value: 'ADDRESS',
      repeatable: true,
      doc: 'Listens here and not where [LISTEN] says: 8080, 127.0.0.1:8080, https://:8443, unix:/run/p.sock. Repeatable.',
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
  const logging = new Logging(terminal, clock)
  const { logger } = logging
  const addresses = listenAddresses(args)
  // Before anything is said: whoever reads that it listens may send a signal at once.
  const stopped = untilStopped()
  let reload = (): void => {}
  process.on('SIGHUP', () => {
    logging.reopen()
    reload()
  })
  process.on('SIGUSR1', () => logging.reopen())
  const service = await Service.open({ file, addresses, terminal, logger, clock })
  logging.attach(service.proxy, service.loaded.resolved.log)
  service.onReload(({ resolved }) => logging.apply(resolved.log))
  logger.info(`pointsman ${version()}, process ${process.pid}, ${service.source}`)
  const managing = await manage(service, logger, clock)
  const watch = args.on('watch') ? new ConfigWatch(service, clock) : undefined
  reload = () => void (watch ?? service).reload()
  for (const line of describePools(service.proxy.pools)) logger.info(`entry ${line}`)
  for (const url of service.listeners.urls) logger.info(`listening on ${url}`)
  if (file === undefined) logger.info(howToBegin(service))
  const signal = await stopped
  service.refuseNew()
  watch?.close()
  logger.info(`${signal}: finishing what is under way; a second signal ends it at once`)
  await service.stop()
  await managing.close()
  await logging.close()
  logger.info('stopped')
  return exitCodes.ok
}

async function manage(service: Service, logger: Logger, clock: Clock): Promise<Managing> {
  const managing = new Managing({ control: service.control, logger, clock })
  try {
    await managing.begin(service.loaded.resolved.management)
  } catch (error) {
    await service.stop()
    throw error
  }
  service.onReload(({ resolved }) => managing.change(resolved.management))
  return managing
}

function howToBegin({ loaded }: Service): string {
  const { listen } = loaded.resolved.management
  return `no proxy.conf here, so the pool is empty; add a server: curl localhost:${listen?.port}/servers -d '{"url":"http://127.0.0.1:12345"}'`
}

/** Reloads when one of the files changes. Which files those are may be another matter after each reload. */
class ConfigWatch {
  readonly #service: Service
  readonly #clock: Clock
  #files: readonly string[]
  #watch: FileWatch
  #closed = false

  constructor(service: Service, clock: Clock) {
    this.#service = service
    this.#clock = clock
    this.#files = service.proxy.files
    this.#watch = this.#begin()
  }

  /** Reads the file again, and looks anew for what it names. */
  async reload(): Promise<void> {
    await this.#service.reload((files) => {
      const distinct = [...new Set(files.map((file) => resolve(file)))]
      // The watch knows what the files were like before they were read; so it stays as long as it can.
      if (this.#closed || isDeepStrictEqual(distinct, this.#files)) return
      this.#files = distinct
      this.#watch.close()
      this.#watch = this.#begin()
    })
  }

  close(): void {
    this.#closed = true
    this.#watch.close()
  }

  #begin(): FileWatch {
    return watchFiles(this.#files, () => void this.reload(), this.#clock)
  }
}
