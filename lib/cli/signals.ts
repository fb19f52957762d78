/** The signals that end a command which serves. */

import { systemClock } from '../clock.js'
import { exitCodes } from './command.js'

/**
 * Milliseconds in which the same signal is taken for one that came twice: Ctrl-C reaches all processes of a terminal, and
 * npm, where it has started this one, passes it on once more.
 */
export const sameTime = 200

const ending = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

/** Resolves with the name of the first signal that asks for the end. A later one ends the process at once. */
export function untilStopped(): Promise<string> {
  return new Promise((resolve) => {
    let first: { signal: string; at: number } | undefined
    for (const signal of ending) {
      process.on(signal, () => {
        const now = systemClock.now()
        if (first === undefined) {
          first = { signal, at: now }
          resolve(signal)
        } else if (signal !== first.signal || now - first.at > sameTime) {
          process.exit(exitCodes.failure)
        }
      })
    }
  })
}
