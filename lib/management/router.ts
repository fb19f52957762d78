/** From a request to the call it means: the path, the method, the parameters. */

import { unknown } from '../config/suggest.js'
import { ApiError } from './errors.js'
import type { Route } from './route.js'

/** A route that fits, and what the request says for its parameters. */
export interface Found {
  readonly route: Route
  readonly parameters: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
}

interface Pattern {
  readonly segments: readonly string[]
  readonly routes: Route[]
}

export class Router {
  /** By their paths, so that a wrong method can be told from a wrong path. */
  readonly #patterns: readonly Pattern[]

  constructor(routes: readonly Route[]) {
    const patterns = new Map<string, Pattern>()
    for (const route of routes) {
      const pattern = patterns.get(route.path) ?? { segments: route.path.split('/'), routes: [] }
      pattern.routes.push(route)
      patterns.set(route.path, pattern)
    }
    this.#patterns = [...patterns.values()]
  }

  /** The route of a request. `target` is as the client sent it. @throws ApiError */
  find(method: string, target: string): Found {
    const [path, queryText] = split(target)
    const segments = path.split('/')
    const pattern = this.#patterns.find((each) => fits(each.segments, segments))
    if (pattern === undefined) {
      throw new ApiError('not_found', `there is nothing at ${path}; GET / lists what there is`)
    }
    const wanted = method === 'HEAD' ? 'GET' : method
    const route = pattern.routes.find((each) => each.method === wanted)
    if (route === undefined) throw methodNotAllowed(method, path, pattern.routes)
    return { route, parameters: parametersOf(pattern.segments, segments), query: queryOf(route, queryText) }
  }

  /** Whether a path carries no data worth a token, for whatever method. */
  isOpen(target: string): boolean {
    const segments = split(target)[0].split('/')
    return this.#patterns.find((each) => fits(each.segments, segments))?.routes.every((r) => r.withoutToken) ?? false
  }
}

function split(target: string): [path: string, query: string] {
  if (!target.startsWith('/')) throw new ApiError('bad_request', `the target has to be a path, not ${target}`)
  const mark = target.indexOf('?')
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{')
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false
  return pattern.every((each, i) => (isParameter(each) ? segments[i] !== '' : each === segments[i]))
}

function parametersOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [i, each] of pattern.entries()) {
    if (isParameter(each)) found[each.slice(1, -1)] = decode(segments[i]!)
  }
  return found
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ApiError('bad_request', `"${segment}" in the path is badly encoded`)
  }
}

/** A misspelt `drain` would cut what it was to spare, so what is unknown is refused. */
function queryOf(route: Route, text: string): Record<string, string> {
  const found: Record<string, string> = {}
  const known = Object.keys(route.query ?? {})
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name)) {
      if (route.anyQuery) continue
      throw new ApiError('bad_query', unknown('parameter', name, known))
    }
    if (Object.hasOwn(found, name)) throw new ApiError('bad_query', `the parameter "${name}" stands twice`)
    found[name] = value
  }
  return found
}

function methodNotAllowed(method: string, path: string, routes: readonly Route[]): ApiError {
  const methods = routes.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
  const allowed = methods.join(', ')
  const message = `${method} is not for ${path}; allowed: ${allowed}`
  return new ApiError('method_not_allowed', message, { headers: { Allow: allowed } })
}
