import { messageOf } from '../config/section.js'
import type { Change } from '../forward/control.js'
import type { Fleet } from './fleet.js'

/** Puts a configuration in force in one process after the other: while one changes what it listens at, the others accept. */
export class Rolling {
  readonly #fleet: Fleet

  constructor(fleet: Fleet) {
    this.#fleet = fleet
  }

  /** Rejects where a process cannot take it; those before it have. */
  async forward(configuration: unknown, changes: readonly Change[]): Promise<void> {
    for (;;) {
      const process = this.#fleet.informed.find((each) => each.configuration !== configuration)
      if (process === undefined) return
      const listening = await process.command('reload', { configuration, changes })
      process.configuration = configuration
      if (listening !== undefined) process.listening = listening
    }
  }

  /** To what was in force before, with all that was changed since. A process that cannot go back is replaced. */
  async back(configuration: unknown, changes: readonly Change[]): Promise<void> {
    for (;;) {
      try {
        await this.forward(configuration, changes)
        return
      } catch (error) {
        const stuck = this.#fleet.informed.find((each) => each.configuration !== configuration)
        if (stuck === undefined) return
        this.#fleet.retire(stuck, `could not go back to the configuration before: ${messageOf(error)}`)
      }
    }
  }
}
