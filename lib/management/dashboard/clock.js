/** The time of the browser: no other file of the page asks for it. */

/** Milliseconds on a scale that only goes forward; only differences have a meaning. */
export function now() {
  return performance.now()
}

/** Milliseconds since the Unix epoch, as far as the browser knows. */
export function wallTime() {
  return Date.now()
}
