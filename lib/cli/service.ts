/** A proxy that listens: what `start` and `demo` have in common. */

import type { Clock } from '../clock.js'
import { createProxy } from '../create.js'
import { ChangeError, type Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import type { ListenChange } from '../listen/listeners.js'
import type { ListenAddress } from '../listen/options.js'
import type { Proxy as RunningProxy } from '../proxy.js'
import { AccessLogging } from './access-logging.js'
import { AllListeners } from './all-listeners.js'
import { describeChanges } from './changes.js'
import { type Loaded, load, shutdownTimeout, wantedListeners } from './configuration.js'
import { type OnRead, readAgain, reportFailure, withReload } from './reloading.js'
import type { Terminal } from './terminal.js'

/** Milliseconds for the last bytes to leave, once every request has been answered. */
const flushTime = 1_000

export interface ServiceSettings {
  /** Undefined: there is none, and an empty pool is served. */
  readonly file: string | undefined
  /** In place of those of the file, unless there are none. */
  readonly addresses: readonly ListenAddress[]
  readonly terminal: Terminal
  readonly logger: Logger
  readonly clock: Clock
  /** False: another process checks the servers. Default: true. */
  readonly activeChecks?: boolean
}

export class Service {
  readonly proxy: RunningProxy
  readonly listeners: AllListeners
  readonly #settings: ServiceSettings
  #loaded: Loaded
  readonly #listeners: ((loaded: Loaded) => Promise<void> | void)[] = []
  readonly #access: AccessLogging
  #stopping = false
  /** One reload after the other. */
  #reloading: Promise<void> = Promise.resolve()

  /** Rejects with a {@link ConfigError} or a {@link ListenError}; then nothing listens. */
  static async open(settings: ServiceSettings): Promise<Service> {
    const loaded = load(settings.file, settings.addresses)
    const { logger, clock, activeChecks = true } = settings
    const proxy = createProxy(loaded.config, { logger, clock, activeChecks })
    const listeners = new AllListeners({ handler: proxy, gate: { accept: proxy.acceptWorker }, logger, clock })
    try {
      const change = await listeners.prepare(wantedListeners(loaded))
      change.commit()
    } catch (error) {
      await proxy.close({ timeout: 0 })
      throw error
    }
    return new Service(settings, loaded, proxy, listeners)
  }

  private constructor(settings: ServiceSettings, loaded: Loaded, proxy: RunningProxy, listeners: AllListeners) {
    this.#settings = settings
    this.#loaded = loaded
    this.proxy = proxy
    this.listeners = listeners
    this.#access = new AccessLogging(proxy, settings.logger, settings.clock)
    this.#access.apply(loaded.resolved.log)
  }

  get description(): string {
    return `process ${process.pid}, ${this.source}`
  }

  reopenLog(): void {
    this.#access.reopen()
  }

  get loaded(): Loaded {
    return this.#loaded
  }

  /** The file, as messages call it. */
  get source(): string {
    return this.#settings.file ?? 'no file'
  }

  /** Where workers dial in, as a URL; undefined: nowhere. */
  get workersAt(): string | undefined {
    return this.listeners.workersAt
  }

  /** What can be asked and changed while it runs. */
  get control(): Control {
    return withReload(
      this.proxy.control,
      () => this.reloadOrReject(),
      () => !this.#stopping,
    )
  }

  /**
   * Reads the file again. What does not load or cannot be listened at is reported, and changes nothing. `onRead` hears
   * of the files that matter now as soon as they are read: those in force, and those in which there are problems.
   */
  async reload(onRead?: OnRead): Promise<void> {
    const { terminal, logger } = this.#settings
    await this.reloadOrReject(onRead).catch((error: unknown) => reportFailure(error, terminal, logger, this.source))
  }

  /** The same for who wants to know: rejects when what was in force goes on. */
  reloadOrReject(onRead: OnRead = () => {}): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload(onRead))
    this.#reloading = reloaded.catch(() => {})
    return reloaded
  }

  /** Tells whoever has to do with it of each reload, before what it replaces is let go. */
  onReload(listener: (loaded: Loaded) => Promise<void> | void): void {
    this.#listeners.push(listener)
  }

  /** Accepts nothing more, finishes what is under way within `ShutdownTimeout`, closes everything. */
  async stop(): Promise<void> {
    this.refuseNew()
    await this.#reloading
    const timeout = shutdownTimeout(this.#loaded)
    await this.listeners.close(timeout, flushTime, () => this.proxy.close({ timeout }))
    await this.#access.close()
  }

  /** `ready` turns false: who asks sends nothing more. */
  refuseNew(): void {
    this.#stopping = true
  }

  async #reload(onRead: OnRead): Promise<void> {
    if (this.#stopping) throw new ChangeError('invalid', 'the proxy is about to stop')
    const next = readAgain(this.#settings, this.proxy.files, onRead)
    const change = await this.listeners.prepare(wantedListeners(next))
    try {
      await this.proxy.reload(next.config)
    } catch (error) {
      await change.undo()
      throw error
    }
    change.commit()
    this.#tell(next, change)
    this.#loaded = next
    this.#access.apply(next.resolved.log)
    for (const listener of this.#listeners) await listener(next)
  }

  #tell(next: Loaded, { opened, closed, warnings }: ListenChange): void {
    const { logger } = this.#settings
    const changes = describeChanges(this.#loaded, next)
    for (const url of opened) changes.push(`listening on ${url} too`)
    for (const url of closed) changes.push(`no longer listening on ${url}`)
    logger.info(`reloaded ${this.source}: ${changes.length === 0 ? 'its settings are the same' : changes.join('; ')}`)
    for (const warning of warnings) logger.warn(warning)
  }
}
