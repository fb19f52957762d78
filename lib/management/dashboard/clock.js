/** The time and the chance of the browser: no other file of the page asks for them. */

/** Milliseconds on a scale that only goes forward; only differences have a meaning. */
export function now() {
  return performance.now()
}

/** Milliseconds since the Unix epoch, as far as the browser knows. */
export function wallTime() {
  return Date.now()
}

/** A number from 0 up to, and without, 1. */
export function chance() {
  return Math.random()
}
