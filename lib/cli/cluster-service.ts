/** Several processes that listen: what `Service` is for one. */

import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.js'
import { RefusedError } from '../cluster/channel.js'
import { Manager, type NextConfiguration } from '../cluster/manager.js'
import type { Listening } from '../cluster/messages.js'
import { clusterSpawn } from '../cluster/spawn.js'
import { ConfigError } from '../config/diagnostics.js'
import { createProxy } from '../create.js'
import { ChangeError, type Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { ListenError } from '../listen/listen-error.js'
import type { ListenAddress } from '../listen/options.js'
import type { Proxy as RunningProxy } from '../proxy.js'
import { systemRandom } from '../random.js'
import { describeChanges } from './changes.js'
import { CommandError } from './command.js'
import { type Loaded, load } from './configuration.js'
import { reportDiagnostics } from './report.js'
import type { ServedConfiguration } from './serving-listeners.js'
import type { Terminal } from './terminal.js'
import { tryListening } from './trial.js'

export interface ClusterSettings {
  /** Undefined: there is none, and an empty pool is served. */
  readonly file: string | undefined
  /** In place of those of the file, unless there are none. */
  readonly addresses: readonly ListenAddress[]
  /** How many processes serve. */
  readonly processes: number
  readonly terminal: Terminal
  readonly logger: Logger
  readonly clock: Clock
}

const entry = fileURLToPath(new URL('./serve.js', import.meta.url))

type OnRead = (files: readonly string[]) => void

export class ClusterService {
  /** The manager's model: checks actively, takes no request. */
  readonly proxy: RunningProxy
  readonly #settings: ClusterSettings
  readonly #manager: Manager
  #loaded: Loaded
  /** Whoever has asked for a reload last, and hears of those that others ask for too. */
  #onRead: OnRead = () => {}
  readonly #listeners: ((loaded: Loaded) => Promise<void> | void)[] = []

  /** Rejects with a `ConfigError` or a `ListenError`; then nothing listens, and no process is left. */
  static async open(settings: ClusterSettings): Promise<ClusterService> {
    const { file, addresses, processes, logger, clock } = settings
    const loaded = load(file, addresses)
    await tryListening(loaded.listen, [])
    const proxy = createProxy(loaded.config, { logger: false, clock })
    let service: ClusterService | undefined
    try {
      const manager = await Manager.open({
        processes,
        model: proxy.control,
        configuration: served(loaded, processes),
        read: () => service!.#next(),
        spawn: clusterSpawn(entry),
        logger,
        clock,
        random: systemRandom,
      })
      service = new ClusterService(settings, loaded, proxy, manager)
      return service
    } catch (error) {
      await proxy.close({ timeout: 0 })
      throw error instanceof RefusedError ? new ListenError([error.message]) : error
    }
  }

  private constructor(settings: ClusterSettings, loaded: Loaded, proxy: RunningProxy, manager: Manager) {
    this.#settings = settings
    this.#loaded = loaded
    this.proxy = proxy
    this.#manager = manager
  }

  get loaded(): Loaded {
    return this.#loaded
  }

  /** The file, as messages call it. */
  get source(): string {
    return this.#settings.file ?? 'no file'
  }

  /** What can be asked and changed while it runs, in all processes. */
  get control(): Control {
    return this.#manager
  }

  /** What is listened at. */
  get listeners(): { readonly urls: readonly string[] } {
    return this.#manager.listening
  }

  /** The processes that serve, by their ids. */
  get pids(): readonly number[] {
    return this.#manager.pids
  }

  /** As `Service.reload`: what does not load or cannot be listened at is reported, and changes nothing. */
  async reload(onRead?: OnRead): Promise<void> {
    await this.reloadOrReject(onRead).catch((error: unknown) => this.#failed(error))
  }

  /** The same for who wants to know: rejects when what was in force goes on. */
  reloadOrReject(onRead: OnRead = this.#onRead): Promise<void> {
    this.#onRead = onRead
    return this.#manager.reload()
  }

  /** Tells whoever has to do with it of each reload. */
  onReload(listener: (loaded: Loaded) => Promise<void> | void): void {
    this.#listeners.push(listener)
  }

  /** Accepts nothing more, finishes what is under way within `ShutdownTimeout`, closes everything. */
  async stop(): Promise<void> {
    await this.#manager.stop(Math.max(0, ...this.#loaded.listen.map(({ shutdownTimeout }) => shutdownTimeout)))
    await this.proxy.close({ timeout: 0 })
  }

  /** `ready` turns false: who asks sends nothing more. */
  refuseNew(): void {
    this.#manager.refuseNew()
  }

  /** Ends all serving processes at once. */
  kill(): void {
    this.#manager.kill()
  }

  async #next(): Promise<NextConfiguration> {
    if (this.#settings.file === undefined) {
      throw new ChangeError('invalid', 'the proxy was started without a file; name one with -c FILE when you start it')
    }
    const next = this.#read()
    await tryListening(next.listen, this.#loaded.listen)
    const { urls } = this.#manager.listening
    return {
      configuration: served(next, this.#settings.processes),
      commit: async (listening) => {
        await this.proxy.reload(next.config)
        this.#tell(next, urls, listening)
        this.#loaded = next
        for (const listener of this.#listeners) await listener(next)
      },
    }
  }

  #read(): Loaded {
    const { file, addresses } = this.#settings
    try {
      const next = load(file, addresses)
      this.#onRead([...this.proxy.files, ...next.resolved.files])
      return next
    } catch (error) {
      const places = error instanceof ConfigError ? error.diagnostics.map(({ place }) => place) : []
      this.#onRead([...this.proxy.files, ...places.flatMap((place) => ('file' in place ? [place.file] : []))])
      throw error
    }
  }

  #tell(next: Loaded, before: readonly string[], { urls, warnings }: Listening): void {
    const { logger } = this.#settings
    const changes = describeChanges(this.#loaded, next)
    for (const url of urls) if (!before.includes(url)) changes.push(`listening on ${url} too`)
    for (const url of before) if (!urls.includes(url)) changes.push(`no longer listening on ${url}`)
    logger.info(`reloaded ${this.source}: ${changes.length === 0 ? 'its settings are the same' : changes.join('; ')}`)
    for (const warning of warnings) logger.warn(warning)
  }

  #failed(error: unknown): void {
    const { terminal, logger } = this.#settings
    if (error instanceof ConfigError) terminal.err(reportDiagnostics(error, terminal.paintErr))
    else if (isExpected(error)) terminal.err(error.message)
    else terminal.err(error instanceof Error ? (error.stack ?? error.message) : String(error))
    logger.error(`${this.source} was not reloaded; what was in force goes on`)
  }
}

/** Its message says all there is to say. */
function isExpected(error: unknown): error is Error {
  return [ListenError, CommandError, ChangeError, RefusedError].some((type) => error instanceof type)
}

function served({ config, listen, resolved }: Loaded, processes: number): ServedConfiguration {
  return { config, listen, log: resolved.log, processes }
}
