import { within } from '../support/wire.js'

/** How long a test waits for processes to start, in milliseconds; on a busy machine that takes seconds. */
const patience = 30_000

/** As `within`, for what takes the start of a process. */
export function patiently<T>(promise: Promise<T>, what: string): Promise<T> {
  return within(promise, what, patience)
}
