/** A proxy that listens: what `start` and `demo` have in common. */

import type { Clock } from '../clock.js'
import { ConfigError } from '../config/diagnostics.js'
import { createProxy, type Proxy as RunningProxy } from '../create.js'
import type { Logger } from '../forward/events.js'
import { ListenError } from '../listen/listen-error.js'
import { type ListenChange, Listeners } from '../listen/listeners.js'
import type { ListenAddress } from '../listen/options.js'
import { describeChanges } from './changes.js'
import { CommandError } from './command.js'
import { type Loaded, load } from './configuration.js'
import { reportDiagnostics } from './report.js'
import type { Terminal } from './terminal.js'

/** Milliseconds for the last bytes to leave, once every request has been answered. */
const flushTime = 1_000

export interface ServiceSettings {
  readonly file: string
  /** In place of those of the file, unless there are none. */
  readonly addresses: readonly ListenAddress[]
  readonly terminal: Terminal
  readonly logger: Logger
  readonly clock: Clock
}

export class Service {
  readonly proxy: RunningProxy
  readonly listeners: Listeners
  readonly #settings: ServiceSettings
  #loaded: Loaded
  #stopping = false
  /** One reload after the other. */
  #reloading: Promise<void> = Promise.resolve()

  /** Rejects with a {@link ConfigError} or a {@link ListenError}; then nothing listens. */
  static async open(settings: ServiceSettings): Promise<Service> {
    const loaded = load(settings.file, settings.addresses)
    const proxy = createProxy(loaded.config, { logger: settings.logger, clock: settings.clock })
    const listeners = new Listeners(proxy, settings.clock)
    try {
      const change = await listeners.prepare(loaded.listen)
      change.commit()
    } catch (error) {
      await proxy.close({ timeout: 0 })
      throw error
    }
    return new Service(settings, loaded, proxy, listeners)
  }

  private constructor(settings: ServiceSettings, loaded: Loaded, proxy: RunningProxy, listeners: Listeners) {
    this.#settings = settings
    this.#loaded = loaded
    this.proxy = proxy
    this.listeners = listeners
  }

  get loaded(): Loaded {
    return this.#loaded
  }

  /**
   * Reads the file again. What does not load or cannot be listened at is reported, and changes nothing. `onRead` hears
   * of the files that matter now as soon as they are read: those in force, and those in which there are problems.
   */
  reload(onRead: (files: readonly string[]) => void = () => {}): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(onRead))
    return this.#reloading
  }

  /** Accepts nothing more, finishes what is under way within `ShutdownTimeout`, closes everything. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#reloading
    const timeout = this.listeners.shutdownTimeout
    await this.listeners.retire()
    await this.proxy.close({ timeout })
    await this.listeners.close(flushTime)
  }

  async #reload(onRead: (files: readonly string[]) => void): Promise<void> {
    if (this.#stopping) return
    try {
      const next = this.#read(onRead)
      const change = await this.listeners.prepare(next.listen)
      try {
        await this.proxy.reload(next.config)
      } catch (error) {
        await change.undo()
        throw error
      }
      change.commit()
      this.#tell(next, change)
      this.#loaded = next
    } catch (error) {
      this.#failed(error)
    }
  }

  #read(onRead: (files: readonly string[]) => void): Loaded {
    const { file, addresses } = this.#settings
    try {
      const next = load(file, addresses)
      onRead([...this.proxy.files, ...next.resolved.files])
      return next
    } catch (error) {
      const places = error instanceof ConfigError ? error.diagnostics.map(({ place }) => place) : []
      onRead([...this.proxy.files, ...places.flatMap((place) => ('file' in place ? [place.file] : []))])
      throw error
    }
  }

  #tell(next: Loaded, { opened, closed, warnings }: ListenChange): void {
    const { file, logger } = this.#settings
    const changes = describeChanges(this.#loaded, next)
    for (const url of opened) changes.push(`listening on ${url} too`)
    for (const url of closed) changes.push(`no longer listening on ${url}`)
    logger.info(`reloaded ${file}: ${changes.length === 0 ? 'its settings are the same' : changes.join('; ')}`)
    for (const warning of warnings) logger.warn(warning)
  }

  #failed(error: unknown): void {
    const { terminal, logger, file } = this.#settings
    if (error instanceof ConfigError) terminal.err(reportDiagnostics(error, terminal.paintErr))
    else if (error instanceof ListenError || error instanceof CommandError) terminal.err(error.message)
    else throw error
    logger.error(`${file} was not reloaded; what was in force goes on`)
  }
}
