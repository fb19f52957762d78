/** Pools that are shared with other machines, as `Registry` of `[CLUSTER]` wants it. */

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.js'
import { createEtcdRegistry } from '../discovery/etcd.js'
import { RegistryError } from '../discovery/registry.js'
import { formatRegistryAddress } from '../discovery/registry-url.js'
import { SharedControl } from '../discovery/shared-control.js'
import type { Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { systemRandom } from '../random.js'
import { CommandError } from './command.js'
import type { Loaded } from './configuration.js'
import type { Managed } from './managing.js'

/** A service whose pools are shared, if they are to be: what is changed through its control is changed for all. */
export class Sharing implements Managed {
  readonly control: Control
  readonly #service: Managed
  readonly #shared: SharedControl | undefined

  /**
   * Resolves when the pools are as the registry says, or when it cannot be reached, which it may be later. Rejects with a
   * {@link CommandError} when it could never be.
   */
  static async begin(service: Managed, logger: Logger, clock: Clock): Promise<Sharing> {
    const { cluster } = service.loaded.resolved
    const { registry } = cluster
    if (registry === undefined) return new Sharing(service, undefined, logger)
    try {
      const etcd = await createEtcdRegistry({ ...cluster, registry }, { clock, random: systemRandom, logger })
      logger.info(`pools are shared through ${formatRegistryAddress(registry)}`)
      const shared = await SharedControl.open({ control: service.control, registry: etcd, clock, logger })
      return new Sharing(service, shared, logger)
    } catch (error) {
      throw error instanceof RegistryError ? new CommandError(error.message) : error
    }
  }

  private constructor(service: Managed, shared: SharedControl | undefined, logger: Logger) {
    this.#service = service
    this.#shared = shared
    this.control = shared ?? service.control
    let { processes: _, ...before } = service.loaded.resolved.cluster
    service.onReload(({ resolved }) => {
      const { processes: __, ...next } = resolved.cluster
      if (!isDeepStrictEqual(before, next)) logger.warn('another Registry is taken at the next start')
      before = next
      // Not awaited: it makes changes, and those wait for the end of the reload.
      void shared?.resync()
    })
  }

  get loaded(): Loaded {
    return this.#service.loaded
  }

  onReload(listener: (loaded: Loaded) => Promise<void> | void): void {
    this.#service.onReload(listener)
  }

  async close(): Promise<void> {
    await this.#shared?.close()
  }
}
