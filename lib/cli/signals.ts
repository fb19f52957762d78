/** The signals that end a command which serves. */

import { exitCodes } from './command.js'

const ending = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

/** Resolves with the name of the first signal that asks for the end. From then on a further one ends the process. */
export function untilStopped(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ending) {
      process.on(signal, () => {
        if (asked) process.exit(exitCodes.failure)
        asked = true
        resolve(signal)
      })
    }
  })
}
