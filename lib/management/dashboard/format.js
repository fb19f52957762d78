/** How values are written. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

/** What is written where there is no value. */
export const nothing = '–'

/** @param {number | null | undefined} value a count, or a rate a second */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return nothing
  return (Math.abs(value) < 10 ? tenths : whole).format(value)
}

/** @param {number | null | undefined} value in milliseconds */
export function milliseconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return nothing
  return value < 1000 ? `${number(value)} ms` : `${tenths.format(value / 1000)} s`
}

/** @param {number} value in bytes */
export function bytes(value) {
  const mebibytes = value / 2 ** 20
  return mebibytes < 1024 ? `${whole.format(mebibytes)} MiB` : `${tenths.format(mebibytes / 1024)} GiB`
}

/**
 * The time of day, with the date unless it is that of `now`.
 * @param {string | number | null} value ISO time, or milliseconds since the Unix epoch
 * @param {number} now milliseconds since the Unix epoch
 */
export function moment(value, now) {
  const date = new Date(value ?? Number.NaN)
  if (Number.isNaN(date.getTime())) return nothing
  const isToday = date.toDateString() === new Date(now).toDateString()
  return isToday ? clock.format(date) : `${calendar.format(date)}, ${clock.format(date)}`
}

/** @param {number} value in milliseconds; written in whole seconds, minutes or hours */
export function age(value) {
  const seconds = Math.max(0, Math.round(value / 1000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}
