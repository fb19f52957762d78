/** What a call of the API is: everything about it in one place, from which routing and documentation are made. */

import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.js'
import type { Control } from '../forward/control.js'
import type { ApiErrorCode } from './errors.js'
import type { EventStreams } from './event-streams.js'
import type { Schema } from './schema.js'

/** A file of the dashboard. */
export interface Asset {
  readonly contentType: string
  readonly body: string | Buffer
}

/** What the calls work with. */
export interface Parts {
  readonly control: Control
  readonly clock: Clock
  readonly version: string
  readonly events: EventStreams
  /** The page for Prometheus; undefined: there is none. */
  readonly metrics: (() => Promise<{ contentType: string; body: string }>) | undefined
  /** The files of the dashboard by their path; undefined: there is no dashboard. */
  readonly assets: ((path: string) => Asset | undefined) | undefined
}

/** One request. */
export interface Call {
  readonly request: IncomingMessage
  /** Of the path, by their names, decoded. */
  readonly parameters: Readonly<Record<string, string>>
  /** Of the query, by their names, decoded; only those that the route knows. */
  readonly query: Readonly<Record<string, string>>
  /** Checked against the route's schema; undefined where the route takes no body. */
  readonly body: unknown
}

/** What is answered. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** An answer that never ends by itself: the event streams take it over. */
export const eventStream: unique symbol = Symbol('event stream')

/** One way in which a call can end well. */
export interface Ending {
  readonly description: string
  /** Default: `application/json`. */
  readonly contentType?: string
  readonly schema?: Schema
  readonly example?: unknown
  /** Header fields that only this answer has. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A parameter behind `?`. */
export interface QueryParameter {
  readonly description: string
  readonly example: string
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `{name}` stands for one segment of the path. */
  readonly path: string
  /** What it does, in a line. */
  readonly summary: string
  readonly query?: Readonly<Record<string, QueryParameter>>
  readonly body?: { readonly schema: Schema; readonly example: unknown }
  readonly endings: Readonly<Record<number, Ending>>
  /** How it can fail, beside what any call can: the source, the token, the path, the query. */
  readonly errors?: readonly ApiErrorCode[]
  /** It carries no data worth a token. */
  readonly withoutToken?: true
  /** Further parameters behind `?` do no harm. */
  readonly anyQuery?: true
  run(call: Call, parts: Parts): Promise<Answer | typeof eventStream> | Answer | typeof eventStream
}

/** An answer in JSON. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
    body: `${JSON.stringify(value, undefined, 2)}\n`,
  }
}

/** An answer in another type. */
export function text(contentType: string, body: string): Answer {
  return { status: 200, headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' }, body }
}
