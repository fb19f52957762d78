import type { Logger } from '../forward/events.js'
import type { Level } from './options.js'

const ranks: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 }

/** Passes on what is important enough. A {@link Logger} says nothing below `info`, so `debug` is the same as `info`. */
export function levelLogger(logger: Logger, level: Level): Logger {
  const passes = (rank: Level): boolean => ranks[rank] >= ranks[level]
  return {
    info: passes('info') ? (message) => logger.info(message) : ignore,
    warn: passes('warn') ? (message) => logger.warn(message) : ignore,
    error: passes('error') ? (message) => logger.error(message) : ignore,
  }
}

function ignore(): void {}
