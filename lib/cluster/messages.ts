/**
 * What the manager and its serving processes say to each other. Everything is data that survives JSON, and is checked
 * where it arrives: after an update of the package, a process that is started anew may be of another version than the
 * manager that starts it.
 */

import type { Change, ChangeResult, DialledIn, Experience, Snapshot, StateChange, Verdict } from '../forward/control.js'
import type { PoolStatus } from '../forward/status-page.js'

/** Goes up whenever a message changes its meaning. */
export const protocol = 3

/** What a serving process has to know before it begins. */
export interface Picture {
  /** Of no meaning here: whoever starts the manager and whoever serves agree on it. Survives JSON. */
  readonly configuration: unknown
  /** In their order. */
  readonly changes: readonly Change[]
  readonly verdicts: readonly Verdict[]
  /** What requests have told other processes. */
  readonly experiences: readonly Experience[]
}

/** Where a process listens. */
export interface Listening {
  /** As URLs. */
  readonly urls: readonly string[]
  /** What is otherwise than the configuration says, until the next start. */
  readonly warnings: readonly string[]
  /** Where workers dial in, as a URL; undefined: nowhere. */
  readonly workers?: string | undefined
}

/**
 * What the manager asks of a serving process, which does one after the other, but for `snapshot` and `stop`; and what a
 * serving process asks of the manager: `statistics`.
 */
export interface Requests {
  /** Takes the picture over, then begins to listen. */
  start: { ask: Picture; answer: Listening }
  change: { ask: Change; answer: ChangeResult }
  /** Another configuration, in place. The changes are made again, as far as they fit; those that stand already do no harm. */
  reload: { ask: { configuration: unknown; changes: readonly Change[] }; answer: Listening }
  snapshot: { ask: object; answer: Snapshot }
  /** Accepts nothing more, and ends once what is under way is over, or after `timeout` milliseconds. */
  stop: { ask: { timeout: number }; answer: object }
  /** What the status page shows: sums over all processes. */
  statistics: { ask: object; answer: readonly PoolStatus[] }
}

export type RequestName = keyof Requests
export type Ask<Name extends RequestName> = Requests[Name]['ask']
export type Answer<Name extends RequestName> = Requests[Name]['answer']

/** What is told without an answer. */
export interface Notices {
  /** The first word of a serving process. */
  hello: { readonly protocol: number }
  /** From the manager: what its checks have found. */
  verdicts: readonly Verdict[]
  /** From the manager: what requests have told other processes. */
  experiences: readonly Experience[]
  /** From a serving process: a server changed its state there. `heard`: the manager has said so. */
  state: StateChange & { readonly heard?: boolean }
  /** From a serving process: all workers that have dialled in there. */
  workers: readonly DialledIn[]
  /** From a serving process: a line for the log. */
  log: { readonly level: 'info' | 'warn' | 'error'; readonly message: string }
}

export type NoticeName = keyof Notices

/** An error on its way: what is left of it on the other side. */
export interface Refusal {
  readonly name: string
  readonly code: string
  readonly message: string
}

/** A message as it is sent. */
export type Message =
  | { readonly type: 'request'; readonly id: number; readonly name: RequestName; readonly body: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly error: Refusal }
  | { readonly type: 'notice'; readonly name: NoticeName; readonly body: unknown }

type Check = (body: unknown) => boolean
type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function all(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check)
}

/** An object whose named fields have these types. */
function has(fields: Readonly<Record<string, 'string' | 'number' | 'boolean' | Check>>): Check {
  const checks = Object.entries(fields)
  return (value) =>
    isObject(value) &&
    checks.every(([name, want]) => (typeof want === 'string' ? typeof value[name] === want : want(value[name])))
}

const isString: Check = (value) => typeof value === 'string'
const changeChecks: Readonly<Record<string, Check>> = {
  add: has({ url: 'string' }),
  remove: has({ server: 'string' }),
  server: has({ server: 'string' }),
  pool: has({ pool: 'string' }),
  source: has({ source: 'string', servers: all(has({ url: 'string' })) }),
}
const isChange: Check = (value) => isObject(value) && checkOf(changeChecks, value.kind)(value)
const isExperience = has({ server: 'string', state: 'string', rest: 'number', reason: 'string' })
const isVerdict = has({ check: 'string', up: 'boolean', reason: 'string' })
const isDurations = has({ count: 'number', sum: 'number', buckets: all((value) => typeof value === 'number') })
const isServer = has({ id: 'string', pool: 'string', state: 'string', success: 'number', latency: isDurations })
const isPool = has({ name: 'string', requests: Array.isArray, duration: isDurations, servers: all(isServer) })
const isServerStatus = has({ url: 'string', state: 'string', reason: 'string', succeeded: 'number', failed: 'number' })
const isPoolStatus = has({ name: 'string', balancer: 'string', servers: all(isServerStatus) })
const isListening = has({ urls: all(isString), warnings: all(isString) })
const isCount = has({ success: 'number', failed: 'number' })

const askChecks: Readonly<Record<RequestName, Check>> = {
  start: has({ changes: all(isChange), verdicts: all(isVerdict), experiences: all(isExperience) }),
  change: isChange,
  reload: has({ changes: all(isChange) }),
  snapshot: isObject,
  stop: has({ timeout: 'number' }),
  statistics: isObject,
}

const answerChecks: Readonly<Record<RequestName, Check>> = {
  start: isListening,
  change: has({ changed: 'boolean', servers: Array.isArray }),
  reload: isListening,
  snapshot: has({ pools: all(isPool), active: 'number', client: isCount, server: isCount, processes: Array.isArray }),
  stop: isObject,
  statistics: all(isPoolStatus),
}

const noticeChecks: Readonly<Record<NoticeName, Check>> = {
  hello: has({ protocol: 'number' }),
  verdicts: all(isVerdict),
  experiences: all(isExperience),
  state: has({ pool: 'string', server: 'string', from: 'string', to: 'string', reason: 'string' }),
  workers: all(has({ service: 'string', instance: 'string', weight: 'number' })),
  log: has({ level: (value) => value === 'info' || value === 'warn' || value === 'error', message: 'string' }),
}

function checkOf(checks: Readonly<Record<string, Check>>, name: unknown): Check {
  return (typeof name === 'string' && Object.hasOwn(checks, name) && checks[name]) || (() => false)
}

/** What arrived, if it is a message of this protocol and sound; the body of an answer is not looked at. */
export function readMessage(value: unknown): Message | undefined {
  if (!isObject(value)) return undefined
  const { type, id, name, body, error } = value
  const sound =
    type === 'notice'
      ? checkOf(noticeChecks, name)(body)
      : Number.isInteger(id) &&
        (type === 'answer' ||
          (type === 'request' && checkOf(askChecks, name)(body)) ||
          (type === 'refusal' && has({ name: 'string', code: 'string', message: 'string' })(error)))
  return sound ? (value as unknown as Message) : undefined
}

/** Whether an answer is one to such a request. */
export function isAnswer(name: RequestName, body: unknown): boolean {
  return answerChecks[name](body)
}
