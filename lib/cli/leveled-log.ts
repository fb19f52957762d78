import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import { levelLogger } from '../log/level.js'
import type { Level } from '../log/options.js'
import { lineLogger } from './log.js'
import type { Terminal } from './terminal.js'

/** A log whose level can be changed while others hold it. */
export class LeveledLog {
  /** The same before and after a change of the level. */
  readonly logger: Logger
  readonly #lines: Logger
  #current: Logger

  constructor(terminal: Terminal, clock: Clock) {
    this.#lines = lineLogger(terminal, clock)
    this.#current = this.#lines
    this.logger = {
      info: (message) => this.#current.info(message),
      warn: (message) => this.#current.warn(message),
      error: (message) => this.#current.error(message),
    }
  }

  setLevel(level: Level): void {
    this.#current = levelLogger(this.#lines, level)
  }
}
