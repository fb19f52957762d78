import type { ErrorPage } from '../config/files.js'
import { type HeaderField, type HeaderFields, removeHeaders, setHeaders } from '../config/headers.js'
import { pair, type Replacement, type RewriteRule, rewriteRules } from '../config/pairs.js'
import { type OptionTable, ValueProblem } from '../config/section.js'
import type { StatusItem } from '../config/statuses.js'
import { boolean, duration, integer, optional, size, text } from '../config/types.js'
import { errorPages } from './error-pages.js'
import { type RetryOn, retryOn } from './retry-on.js'
import { type TrustedPeers, trustedPeers } from './trust.js'

/** How a request is passed on: the public form. Durations are seconds, or text such as `250ms`; sizes are bytes. */
export interface ForwardConfig {
  /** `connect`, `reset`, `timeout`, `non-idempotent` and response codes. Default: `['connect', 'reset']`. */
  retryOn?: StatusItem | readonly StatusItem[]
  /** Attempts for one request, all in all, or false: each server once. Default: false. */
  retryLimit?: number | string | false
  /** How much of a request body may be kept to be sent again, in bytes. Default: 64k. */
  retryBuffer?: number | string
  /** From the request sent to the head of the response, in seconds; 0: no limit. Default: 60. */
  responseTimeout?: number | string
  /** Without a byte in either direction while a body is under way, in seconds; 0: no limit. Default: 60. */
  idleTimeout?: number | string
  /** The same for an upgraded connection, in seconds; 0: no limit. Default: 3600. */
  tunnelTimeout?: number | string
  /** Longest request body, in bytes; 0: no limit. Default: 0. */
  maxBodySize?: number | string
  /** Removed from the beginning of the path, or false. */
  stripPrefix?: string | false
  /** Put before the path, or false. */
  addPrefix?: string | false
  /** Regular expressions over the path and their replacements. */
  rewritePath?: string | Replacement | readonly (string | Replacement)[]
  /** The client's `Host` goes to the server; false: the server's own name. Default: true. */
  preserveHost?: boolean | string
  /** Fields that requests get, in place of those of the same name. */
  setRequestHeader?: HeaderFields
  /** Names of fields that requests lose. */
  removeRequestHeader?: string | readonly string[]
  /** Fields that responses get, in place of those of the same name. */
  setResponseHeader?: HeaderFields
  /** Names of fields that responses lose. */
  removeResponseHeader?: string | readonly string[]
  /** Redirects that point at the server are turned to the address that the client used. Default: false. */
  rewriteLocation?: boolean | string
  /** Replaces the `Domain` of cookies (`*` as `from`: any), or false. */
  rewriteCookieDomain?: string | Replacement | false
  /** Replaces the `Path` of cookies (`*` as `from`: any), or false. */
  rewriteCookiePath?: string | Replacement | false
  /** Addresses, CIDR ranges, `unix`: peers whose `X-Forwarded-*` and `Forwarded` are believed. Default: none. */
  trustProxy?: string | readonly string[]
  /** `X-Forwarded-For`, `-Host`, `-Proto`, `-Port` are sent. Default: true. */
  xForwarded?: boolean | string
  /** `Forwarded` (RFC 7239) is sent. Default: false. */
  forwarded?: boolean | string
  /** `Via` is sent, both ways. Default: true. */
  via?: boolean | string
  /** Response code, or range of them → file that takes the place of the built-in page. */
  errorPage?: Readonly<Record<number | string, string>>
  /** In the defaults only: the path of the status page, or false. Default: false. */
  statisticsURL?: string | false
}

/** How a request is passed on. Durations are milliseconds, sizes are bytes. */
export interface ForwardOptions {
  readonly retryOn: RetryOn
  /** Undefined: each server once. */
  readonly retryLimit: number | undefined
  /** Bytes. */
  readonly retryBuffer: number
  /** Milliseconds; 0: no limit. */
  readonly responseTimeout: number
  /** Milliseconds; 0: no limit. */
  readonly idleTimeout: number
  /** Milliseconds; 0: no limit. */
  readonly tunnelTimeout: number
  /** Bytes; 0: no limit. */
  readonly maxBodySize: number
  readonly stripPrefix: string | undefined
  readonly addPrefix: string | undefined
  /** Applied one after the other, each to the result of the one before. */
  readonly rewritePath: readonly RewriteRule[]
  readonly preserveHost: boolean
  readonly setRequestHeader: readonly HeaderField[]
  /** Lower case. */
  readonly removeRequestHeader: readonly string[]
  readonly setResponseHeader: readonly HeaderField[]
  /** Lower case. */
  readonly removeResponseHeader: readonly string[]
  readonly rewriteLocation: boolean
  /** `from` is `*` for any. */
  readonly rewriteCookieDomain: Replacement | undefined
  /** `from` is `*` for any. */
  readonly rewriteCookiePath: Replacement | undefined
  readonly trustProxy: TrustedPeers
  readonly xForwarded: boolean
  readonly forwarded: boolean
  readonly via: boolean
  /** By response code. */
  readonly errorPage: ReadonlyMap<number, ErrorPage>
  /** The same for every entry. */
  readonly statisticsURL: string | undefined
}

const path = text('path', (value) => {
  if (!value.startsWith('/')) throw new ValueProblem(`"${value}" is not a path; a path begins with "/"`)
  if (!/^[!-~]+$/.test(value) || /[?#]/.test(value)) {
    throw new ValueProblem(`"${value}" is not a path: write spaces and characters beyond ASCII as %20, without a query`)
  }
})

/** The keys of `forward/`. */
export const forwardTable: OptionTable<ForwardConfig, ForwardOptions> = {
  retryOn: {
    key: 'RetryOn',
    type: retryOn,
    default: ['connect', 'reset'],
    scope: 'both',
    doc: 'When a request is tried on another server: `connect`, `reset`, `timeout`, response codes. `non-idempotent` takes in POST and PATCH.',
  },
  retryLimit: {
    key: 'RetryLimit',
    type: optional(integer(1, 1000)),
    scope: 'both',
    doc: 'Attempts for one request, all in all.',
    defaultText: 'each server once',
  },
  retryBuffer: {
    key: 'RetryBuffer',
    type: size(0, 2 ** 30),
    default: 65_536,
    scope: 'both',
    doc: 'How much of a request body may be kept to be sent again.',
    defaultText: '64k',
  },
  responseTimeout: {
    key: 'ResponseTimeout',
    type: duration(),
    default: 60,
    scope: 'both',
    doc: 'From the request sent to the head of the response. `0`: no limit.',
  },
  idleTimeout: {
    key: 'IdleTimeout',
    type: duration(),
    default: 60,
    scope: 'both',
    doc: 'Without a byte in either direction while a body is under way. `0`: no limit.',
  },
  tunnelTimeout: {
    key: 'TunnelTimeout',
    type: duration(),
    default: 3600,
    scope: 'both',
    doc: 'Without a byte in either direction of an upgraded connection. `0`: no limit.',
    defaultText: '1h',
  },
  maxBodySize: {
    key: 'MaxBodySize',
    type: size(),
    default: 0,
    scope: 'both',
    doc: 'Longest request body; 413 beyond it. `0`: no limit.',
  },
  stripPrefix: {
    key: 'StripPrefix',
    type: optional(path),
    scope: 'both',
    doc: 'Removed from the beginning of the path.',
    defaultText: 'none',
  },
  addPrefix: {
    key: 'AddPrefix',
    type: optional(path),
    scope: 'both',
    doc: 'Put before the path.',
    defaultText: 'none',
  },
  rewritePath: {
    key: 'RewritePath',
    type: rewriteRules,
    default: [],
    scope: 'both',
    doc: 'A regular expression over the path and what takes the place of its match: `^/old/(.*)$ /new/$1`.',
  },
  preserveHost: {
    key: 'PreserveHost',
    type: boolean,
    default: true,
    scope: 'both',
    doc: "The client's `Host` goes to the server. Off: the server's own name.",
  },
  setRequestHeader: {
    key: 'SetRequestHeader',
    type: setHeaders,
    default: {},
    scope: 'both',
    doc: 'A field that requests get, in place of those of the same name.',
  },
  removeRequestHeader: {
    key: 'RemoveRequestHeader',
    type: removeHeaders,
    default: [],
    scope: 'both',
    doc: 'Fields that requests lose.',
  },
  setResponseHeader: {
    key: 'SetResponseHeader',
    type: setHeaders,
    default: {},
    scope: 'both',
    doc: 'A field that responses get, in place of those of the same name.',
  },
  removeResponseHeader: {
    key: 'RemoveResponseHeader',
    type: removeHeaders,
    default: [],
    scope: 'both',
    doc: 'Fields that responses lose.',
  },
  rewriteLocation: {
    key: 'RewriteLocation',
    type: boolean,
    default: false,
    scope: 'both',
    doc: 'Redirects that point at the server are turned to the address that the client used.',
  },
  rewriteCookieDomain: {
    key: 'RewriteCookieDomain',
    type: optional(pair),
    scope: 'both',
    doc: 'Replaces the `Domain` of cookies. `*` as `from` stands for any.',
    defaultText: 'none',
  },
  rewriteCookiePath: {
    key: 'RewriteCookiePath',
    type: optional(pair),
    scope: 'both',
    doc: 'Replaces the `Path` of cookies. `*` as `from` stands for any.',
    defaultText: 'none',
  },
  trustProxy: {
    key: 'TrustProxy',
    type: trustedPeers,
    default: [],
    scope: 'both',
    doc: 'Peers whose `X-Forwarded-*` and `Forwarded` are believed. `unix`: those of Unix sockets.',
  },
  xForwarded: {
    key: 'XForwarded',
    type: boolean,
    default: true,
    scope: 'both',
    doc: '`X-Forwarded-For`, `-Host`, `-Proto` and `-Port` are sent to the server.',
  },
  forwarded: {
    key: 'Forwarded',
    type: boolean,
    default: false,
    scope: 'both',
    doc: '`Forwarded` (RFC 7239) is sent to the server.',
  },
  via: {
    key: 'Via',
    type: boolean,
    default: true,
    scope: 'both',
    doc: '`Via` is sent, both ways.',
  },
  errorPage: {
    key: 'ErrorPage',
    type: errorPages,
    default: {},
    scope: 'both',
    doc: 'Status codes and the file that is sent with them in place of the built-in page: `502 errors/502.html`.',
    defaultText: 'built in',
  },
  statisticsURL: {
    key: 'StatisticsURL',
    type: optional(path),
    scope: 'defaults',
    doc: 'Path on which the proxy itself answers with a status page.',
    defaultText: 'Off',
  },
}
