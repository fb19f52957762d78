import { list } from '../config/lists.js'
import { type OptionType, ValueProblem } from '../config/section.js'
import { compileStatuses, parseStatuses, type StatusItem, type StatusTest, statusItem } from '../config/statuses.js'
import { nearest } from '../config/suggest.js'

/** When a request may be tried on another server. */
export interface RetryOn {
  /** No connection stands: the server has seen nothing. */
  readonly connect: boolean
  /** The connection was lost before the head of the response. */
  readonly reset: boolean
  /** `ResponseTimeout` or `ConnectTimeout` was over. */
  readonly timeout: boolean
  /** Requests that may not be sent twice are (RFC 9110 §9.2.2), as the operator says so. */
  readonly nonIdempotent: boolean
  /** Tells which response codes are tried again; undefined: none. */
  readonly statuses: StatusTest | undefined
}

const reasons = ['connect', 'reset', 'timeout', 'non-idempotent']

/** Reasons and response codes: `connect reset 502-504`. */
export const retryOn: OptionType<readonly StatusItem[], RetryOn> = list<StatusItem, RetryOn>({
  describe: '`connect`, `reset`, `timeout`, `non-idempotent`, status codes',
  mayBeEmpty: true,
  item(word) {
    const lower = word.toLowerCase()
    if (reasons.includes(lower)) return lower
    if (parseStatuses(word) !== undefined) return statusItem(word)
    const guess = nearest(word, reasons)
    const hint = guess === undefined ? `known: ${reasons.join(', ')}, and status codes` : `did you mean "${guess}"?`
    throw new ValueProblem(`unknown reason to retry "${word}"; ${hint}`)
  },
  resolve: (items) => ({
    connect: items.includes('connect'),
    reset: items.includes('reset'),
    timeout: items.includes('timeout'),
    nonIdempotent: items.includes('non-idempotent'),
    statuses: compileStatuses(items.filter((item) => !reasons.includes(String(item)))),
  }),
})
