/** From the start of something that listens to its end, be it one process or several. */

import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import { exitCodes } from './command.js'
import { ConfigWatch, type Reloadable } from './config-watch.js'
import type { Managed } from './managing.js'
import { version } from './version.js'
import { describeEntries } from './words.js'

/** Milliseconds that the process may last when all is done. */
const lingerTime = 1_000

/** Something that listens. */
export interface Serving extends Managed, Reloadable {
  /** Which processes and which file, for the log. */
  readonly description: string
  readonly listeners: { readonly urls: readonly string[] }
  /** Where workers dial in, as a URL; undefined: nowhere. */
  readonly workersAt: string | undefined
  /** Opens the access log anew: it was moved away. */
  reopenLog(): void
  /** A signal asks for the end: `ready` turns false, and whoever asks sends nothing more. */
  refuseNew(): void
  /** Accepts nothing more, finishes what is under way, closes everything. */
  stop(): Promise<void>
}

export interface ServingSettings {
  readonly logger: Logger
  readonly clock: Clock
  /** Reload when the file, or one that it includes or names, changes. */
  readonly watch: boolean
  /** Resolves with the name of the signal that ends it; a second signal ends this process. */
  readonly stopped: Promise<string>
  /** Starts what belongs to it, the management API. Rejecting ends it all. */
  readonly manage?: (service: Serving) => Promise<{ close(): Promise<void> }>
}

/** Serves until a signal says that it is over; returns the exit code. Rejects when it cannot begin. */
export async function serveUntilStopped(open: () => Promise<Serving>, settings: ServingSettings): Promise<number> {
  const { logger, clock, stopped, manage } = settings
  const signals = new Signals()
  const service = await open()
  logger.info(`pointsman ${version()}, ${service.description}`)
  let managing: { close(): Promise<void> } | undefined
  try {
    managing = await manage?.(service)
  } catch (error) {
    await service.stop()
    throw error
  }
  const watch = settings.watch ? new ConfigWatch(service, clock) : undefined
  signals.begin(
    () => void (watch ?? service).reload(),
    () => service.reopenLog(),
  )
  const { entries, tcp } = service.loaded.resolved
  for (const line of describeEntries(entries)) logger.info(`entry ${line}`)
  for (const line of describeEntries(tcp)) logger.info(`TCP entry ${line}`)
  for (const url of service.listeners.urls) logger.info(`listening on ${url}`)
  if (service.workersAt !== undefined) logger.info(`workers dial in at ${service.workersAt}`)
  const signal = await stopped
  service.refuseNew()
  watch?.close()
  logger.info(`${signal}: finishing what is under way; a second signal ends it at once`)
  await service.stop()
  await managing?.close()
  logger.info('stopped')
  // Only if something keeps the process, such as a standard output that nobody reads any more.
  clock.setTimeout(() => process.exit(exitCodes.ok), lingerTime)
  return exitCodes.ok
}

/** What is done on signals, once it can be; before that they are not to end the process, or to open Node's debugger. */
class Signals {
  #wantsReload = false
  #reload: () => void = () => {
    this.#wantsReload = true
  }
  #reopen: () => void = () => {}

  constructor() {
    process.on('SIGHUP', () => {
      this.#reopen()
      this.#reload()
    })
    process.on('SIGUSR1', () => this.#reopen())
  }

  begin(reload: () => void, reopen: () => void): void {
    this.#reload = reload
    this.#reopen = reopen
    // The file may have changed since it was read.
    if (this.#wantsReload) reload()
  }
}
