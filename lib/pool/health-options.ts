import { list } from '../config/lists.js'
import { type OptionTable, type OptionType, type ResolveContext, ValueProblem } from '../config/section.js'
import { compileStatuses, type StatusItem, type StatusTest, statusItem } from '../config/statuses.js'
import { duration, integer, optional, text } from '../config/types.js'
import type { CheckOptions } from './check.js'

/** The active checks of an entry: the public form. Durations are seconds, or text such as `250ms`. */
export interface HealthConfig {
  /** Path that every server is asked for, or false. Default: false. */
  healthCheck?: string | false
  /** Time from one check to the next, in seconds. Default: 30. */
  healthInterval?: number | string
  /** Time for the answer, in seconds. Default: 5. */
  healthTimeout?: number | string
  /** Failures in a row after which a server is down. Default: 3. */
  healthFails?: number | string
  /** Passes in a row after which it is up again. Default: 2. */
  healthPasses?: number | string
  /** Response codes that pass: `['200-299', 401]`. Default: `200-299`. */
  healthStatus?: StatusItem | readonly StatusItem[]
}

/** Codes that pass, and how they are written. */
export interface PassingStatuses {
  readonly test: StatusTest
  readonly text: string
}

/** The active checks of an entry. */
export interface HealthOptions {
  /** Undefined: none. */
  readonly healthCheck: string | undefined
  /** Milliseconds. */
  readonly healthInterval: number
  /** Milliseconds. */
  readonly healthTimeout: number
  readonly healthFails: number
  readonly healthPasses: number
  readonly healthStatus: PassingStatuses
}

const passing: OptionType<readonly StatusItem[], PassingStatuses> = list<StatusItem, PassingStatuses>({
  describe: 'status codes',
  item: statusItem,
  resolve: (items) => ({ test: compileStatuses(items) ?? (() => false), text: items.join(' ') }),
})

/** The keys of active checks. */
export const healthTable: OptionTable<HealthConfig, HealthOptions> = {
  healthCheck: {
    key: 'HealthCheck',
    type: optional(
      text('path', (path) => {
        if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#')) {
          throw new ValueProblem(`"${path}" is not a path; it begins with "/" and has no spaces, as /health?deep=1`)
        }
      }),
    ),
    scope: 'both',
    doc: 'Path that every server is asked for, again and again. A server that fails is `down`, and gets no requests.',
    defaultText: 'Off',
  },
  healthInterval: {
    key: 'HealthInterval',
    type: duration('positive'),
    default: 30,
    scope: 'both',
    doc: 'Time from one check to the next; each comes up to 10 % earlier or later, by chance.',
  },
  healthTimeout: {
    key: 'HealthTimeout',
    type: duration('positive'),
    default: 5,
    scope: 'both',
    doc: 'Time for the head of the answer to a check, the connection included.',
  },
  healthFails: {
    key: 'HealthFails',
    type: integer(1, 1000),
    default: 3,
    scope: 'both',
    doc: 'Failed checks in a row after which a server is `down`.',
  },
  healthPasses: {
    key: 'HealthPasses',
    type: integer(1, 1000),
    default: 2,
    scope: 'both',
    doc: 'Passed checks in a row after which it is `up` again.',
  },
  healthStatus: {
    key: 'HealthStatus',
    type: passing,
    default: ['200-299'],
    scope: 'both',
    doc: 'Response codes that pass a check.',
  },
}

/** The options as settings, complete: they mean the same whatever they are applied to. */
export function healthSettings(options: HealthOptions): HealthSettings {
  return {
    path: options.healthCheck ?? false,
    interval: options.healthInterval / 1000,
    timeout: options.healthTimeout / 1000,
    fails: options.healthFails,
    passes: options.healthPasses,
    status: options.healthStatus.text.split(' '),
  }
}

/** What a check works with; undefined: there is none. */
export function checkOptions(options: HealthOptions): CheckOptions | undefined {
  if (options.healthCheck === undefined) return undefined
  return {
    path: options.healthCheck,
    interval: options.healthInterval,
    timeout: options.healthTimeout,
    fails: options.healthFails,
    passes: options.healthPasses,
    status: options.healthStatus.test,
    statusText: options.healthStatus.text,
  }
}

/** Settings of a check as they are changed while the proxy runs; what is left out stays. */
export interface HealthSettings {
  /** Path that is asked for; false: no check. */
  readonly path?: string | false | undefined
  /** Seconds, or text such as `250ms`; the same for `timeout`. */
  readonly interval?: number | string | undefined
  readonly timeout?: number | string | undefined
  readonly fails?: number | string | undefined
  readonly passes?: number | string | undefined
  /** Codes that pass, as `200-299`. */
  readonly status?: StatusItem | readonly StatusItem[] | undefined
}

const settingNames = {
  path: 'healthCheck',
  interval: 'healthInterval',
  timeout: 'healthTimeout',
  fails: 'healthFails',
  passes: 'healthPasses',
  status: 'healthStatus',
} as const

const noFiles: ResolveContext = {
  readFile: () => {
    throw new ValueProblem('no file can be named here')
  },
}

/** The options with some of them changed. Throws a `ValueProblem` that names the setting. */
export function changedHealth(options: HealthOptions, settings: HealthSettings): HealthOptions {
  const changed: Record<string, unknown> = { ...options }
  for (const [setting, name] of Object.entries(settingNames)) {
    const given = settings[setting as keyof HealthSettings]
    if (given === undefined) continue
    const type = healthTable[name].type as OptionType<unknown, unknown>
    try {
      changed[name] = type.resolve(type.accept(given), noFiles)
    } catch (error) {
      throw new ValueProblem(`health.${setting}: ${(error as Error).message}`)
    }
  }
  return changed as unknown as HealthOptions
}
