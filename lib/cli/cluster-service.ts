/** Several processes that listen: what `Service` is for one. */

import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.js'
import { RefusedError } from '../cluster/channel.js'
import { Manager, type NextConfiguration } from '../cluster/manager.js'
import type { Listening } from '../cluster/messages.js'
import { clusterSpawn } from '../cluster/spawn.js'
import { createProxy } from '../create.js'
import type { Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import type { Place } from '../listen/address-text.js'
import { ListenError } from '../listen/listen-error.js'
import type { ListenAddress } from '../listen/options.js'
import type { Proxy as RunningProxy } from '../proxy.js'
import { systemRandom } from '../random.js'
import { listenKey } from '../tcp/listen-address.js'
import { describeChanges } from './changes.js'
import { type Loaded, load, shutdownTimeout } from './configuration.js'
import { type OnRead, readAgain, reportFailure, withReload } from './reloading.js'
import type { ServedConfiguration } from './serving-listeners.js'
import type { Terminal } from './terminal.js'
import { tryListening, tryWorkers } from './trial.js'

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
    await tryListening(addressesOf(loaded), [])
    await tryWorkers(loaded.resolved.workers, undefined)
    let begin!: (manager: Manager) => void
    const begun = new Promise<Manager>((resolve) => {
      begin = resolve
    })
    const proxy = createProxy(loaded.config, {
      logger,
      clock,
      logStates: false,
      // Names are looked up once for all processes.
      onFound: (change) => void begun.then((manager) => manager.change(change)).catch(() => {}),
      // Workers dial in to the serving processes. That there are none here says nothing.
      onWorkers: () => {},
    })
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
      begin(manager)
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
    return withReload(
      this.#manager,
      () => this.#manager.reload(),
      () => true,
    )
  }

  /** What is listened at. */
  get listeners(): { readonly urls: readonly string[] } {
    return this.#manager.listening
  }

  get workersAt(): string | undefined {
    return this.#manager.listening.workers
  }

  /** The processes that serve, by their ids. */
  get pids(): readonly number[] {
    return this.#manager.pids
  }

  /** As `Service.reload`: what does not load or cannot be listened at is reported, and changes nothing. */
  async reload(onRead?: OnRead): Promise<void> {
    const { terminal, logger } = this.#settings
    await this.reloadOrReject(onRead).catch((error: unknown) => reportFailure(error, terminal, logger, this.source))
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
    await this.#manager.stop(shutdownTimeout(this.#loaded))
    await this.proxy.close({ timeout: 0 })
  }

  get description(): string {
    return `process ${process.pid} with ${this.#settings.processes} that serve, ${this.source}`
  }

  /** Each serving process has the access log open for itself. */
  reopenLog(): void {
    for (const pid of this.pids) {
      try {
        process.kill(pid, 'SIGUSR1')
      } catch {
        // It has just ended; the one that takes its place opens the file by itself.
      }
    }
  }

  /** `ready` turns false: who asks sends nothing more. */
  refuseNew(): void {
    this.#manager.refuseNew()
    // Should a second signal end this process, the others must not outlive it. They end by themselves, with their
    // requests, when it dies of something else.
    process.on('exit', () => this.#manager.kill())
  }

  async #next(): Promise<NextConfiguration> {
    const next = readAgain(this.#settings, this.proxy.files, this.#onRead)
    await tryListening(addressesOf(next), addressesOf(this.#loaded))
    await tryWorkers(next.resolved.workers, this.#loaded.resolved.workers)
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

  #tell(next: Loaded, before: readonly string[], { urls, warnings }: Listening): void {
    const { logger } = this.#settings
    const changes = describeChanges(this.#loaded, next)
    for (const url of urls) if (!before.includes(url)) changes.push(`listening on ${url} too`)
    for (const url of before) if (!urls.includes(url)) changes.push(`no longer listening on ${url}`)
    logger.info(`reloaded ${this.source}: ${changes.length === 0 ? 'its settings are the same' : changes.join('; ')}`)
    for (const warning of warnings) logger.warn(warning)
  }
}

/** Of HTTP and TCP; each of TCP once, though entries share it. */
function addressesOf({ listen, resolved: { tcp } }: Loaded): readonly Place[] {
  const ofTcp = new Map(tcp.flatMap(({ options }) => options.listen.map((each) => [listenKey(each), each])))
  return [...listen.flatMap(({ address }) => address), ...ofTcp.values()]
}

function served({ config, listen, resolved }: Loaded, processes: number): ServedConfiguration {
  return { config, listen, log: resolved.log, workers: resolved.workers, processes }
}
