import { hostName } from './host.js'
import { matchingPattern, type Route, takesHost, takesMethod } from './route.js'
import { RouteIndex } from './route-index.js'
import type { Target } from './target.js'

export type { Route } from './route.js'

/** The answer for a target whose readings would choose different routes: the request is to be refused with 400. */
export const AMBIGUOUS: unique symbol = Symbol('ambiguous')

/** Why one route takes a request, or why not. */
export interface RouteStep<T> {
  readonly value: T
  readonly matched: boolean
  /** The first rule that the request did not meet; undefined if the route matched. */
  readonly reason: 'host' | 'method' | 'path' | undefined
  /** Index of the pattern that matched, among the route's patterns. */
  readonly pattern: number | undefined
}

/** Why a request goes where it goes. */
export interface RouteExplanation<T> {
  /** What `find` answers. */
  readonly found: T | undefined | typeof AMBIGUOUS
  /** The host name that patterns see. */
  readonly host: string
  /** The path that patterns see. */
  readonly path: string
  /** The routes in file order. */
  readonly steps: readonly RouteStep<T>[]
  /** Where the other readings of an ambiguous path would lead. */
  readonly readings: readonly { readonly path: string; readonly value: T | undefined }[]
}

/** For a few routes, trying them is faster than looking them up. */
const INDEX_FROM = 8

/**
 * The match rules of a configuration, compiled at load. The first route in file order whose host, method and one of
 * whose patterns match takes the request.
 */
export class RouteTable<T> {
  readonly #routes: readonly Route<T>[]
  readonly #index: RouteIndex<T> | undefined
  readonly #usesHosts: boolean

  constructor(routes: readonly Route<T>[]) {
    this.#routes = [...routes]
    this.#index = routes.length < INDEX_FROM ? undefined : new RouteIndex(this.#routes)
    this.#usesHosts = routes.some(({ hosts }) => hosts !== undefined && hosts.length > 0)
  }

  /**
   * The value of the route for a request, `undefined` for none, or {@link AMBIGUOUS}. `host` is the `Host` header as it
   * came; an absolute target's own host goes before it.
   */
  find(method: string, host: string | undefined, target: Target): T | undefined | typeof AMBIGUOUS {
    const name = this.#usesHosts ? hostName(target.host ?? host) : ''
    const route = this.#first(method, name, target.path)
    for (const reading of target.readings) {
      if (this.#first(method, name, reading) !== route) return AMBIGUOUS
    }
    return route?.value
  }

  /** How {@link find} comes to its answer. With `stopAtFirst` the routes behind the one that matched are left out. */
  explain(method: string, host: string | undefined, target: Target, stopAtFirst = false): RouteExplanation<T> {
    const name = hostName(target.host ?? host)
    const steps: RouteStep<T>[] = []
    for (const route of this.#routes) {
      const step = explainRoute(route, method, name, target.path)
      steps.push(step)
      if (step.matched && stopAtFirst) break
    }
    const readings = target.readings.map((path) => ({ path, value: this.#first(method, name, path)?.value }))
    return { found: this.find(method, host, target), host: name, path: target.path, steps, readings }
  }

  #first(method: string, host: string, path: string): Route<T> | undefined {
    if (this.#index !== undefined) return this.#index.first(method, host, path)
    for (const route of this.#routes) {
      if (takesMethod(route, method) && takesHost(route, host) && matchingPattern(route, path) >= 0) return route
    }
    return undefined
  }
}

function explainRoute<T>(route: Route<T>, method: string, host: string, path: string): RouteStep<T> {
  const { value } = route
  if (!takesHost(route, host)) return { value, matched: false, reason: 'host', pattern: undefined }
  if (!takesMethod(route, method)) return { value, matched: false, reason: 'method', pattern: undefined }
  const pattern = matchingPattern(route, path)
  if (pattern < 0) return { value, matched: false, reason: 'path', pattern: undefined }
  return { value, matched: true, reason: undefined, pattern }
}
