import type { Pattern } from './pattern.js'
import { type Route, takesHost, takesMethod } from './route.js'

/** One pattern of one route. */
interface Way<T> {
  readonly route: Route<T>
  /** The route's place in the file. */
  readonly position: number
  readonly pattern: Pattern
}

/** Ways by a text that they need to find in the path; in file order. */
type Ways<T> = Map<string, Way<T>[]>

/** A request, with what is looked up in its path. */
interface Request {
  readonly method: string
  readonly host: string
  readonly path: string
  /** The path in lower case, as shapes are. */
  readonly lower: string
}

/**
 * Finds the first route in file order without asking every route. Routes of exact hosts stand under their hosts, and
 * under each host (or any) the usual shapes of patterns stand under the text that they look for; only other patterns
 * have to be tried one by one.
 */
export class RouteIndex<T> {
  readonly #byHost = new Map<string, PathIndex<T>>()
  readonly #anyHost = new PathIndex<T>()

  constructor(routes: readonly Route<T>[]) {
    for (const [position, route] of routes.entries()) {
      for (const index of this.#places(route)) {
        for (const pattern of route.patterns) index.add({ route, position, pattern })
      }
    }
  }

  /** The first route that takes this request. */
  first(method: string, host: string, path: string): Route<T> | undefined {
    const request = { method, host, path, lower: path.toLowerCase() }
    const named = this.#byHost.size === 0 ? undefined : this.#byHost.get(host)?.first(request, undefined)
    return this.#anyHost.first(request, named)?.route
  }

  #places(route: Route<T>): Iterable<PathIndex<T>> {
    const names = new Set<string>()
    for (const { shape } of route.hosts ?? []) {
      if (shape?.type !== 'exact') return [this.#anyHost]
      names.add(shape.text)
    }
    if (names.size === 0) return [this.#anyHost]
    return [...names].map((name) => {
      const index = this.#byHost.get(name) ?? new PathIndex<T>()
      this.#byHost.set(name, index)
      return index
    })
  }
}

class PathIndex<T> {
  readonly #exact: Ways<T> = new Map()
  readonly #prefixes: Ways<T> = new Map()
  readonly #suffixes: Ways<T> = new Map()
  /** Patterns of no shape, and those that match everything. */
  readonly #rest: Way<T>[] = []
  // A long path is not looked up at more lengths than there are in the table.
  #longestPrefix = 0
  #longestSuffix = 0

  add(way: Way<T>): void {
    const { shape } = way.pattern
    if (shape === undefined || shape.type === 'any') {
      this.#rest.push(way)
    } else if (shape.type === 'exact') {
      put(this.#exact, shape.text, way)
    } else if (shape.type === 'suffix') {
      put(this.#suffixes, shape.text, way)
      this.#longestSuffix = Math.max(this.#longestSuffix, shape.text.length)
    } else {
      put(this.#prefixes, shape.text, way)
      this.#longestPrefix = Math.max(this.#longestPrefix, shape.text.length)
      if (shape.type === 'within' || shape.itself) put(this.#exact, shape.text.slice(0, -1), way)
    }
  }

  /** The first way that is free, or `best` if that comes before it. */
  first(request: Request, best: Way<T> | undefined): Way<T> | undefined {
    const path = request.lower
    let found = earlier(this.#exact.get(path), best, request)
    if (this.#longestPrefix > 0) {
      for (let at = path.indexOf('/', 1); at >= 0 && at < this.#longestPrefix; at = path.indexOf('/', at + 1)) {
        found = earlier(this.#prefixes.get(path.slice(0, at + 1)), found, request)
      }
    }
    if (this.#longestSuffix > 0) {
      const from = path.length - this.#longestSuffix
      for (let at = path.lastIndexOf('.'); at >= 0 && at >= from; at = at === 0 ? -1 : path.lastIndexOf('.', at - 1)) {
        found = earlier(this.#suffixes.get(path.slice(at)), found, request)
      }
    }
    return earlier(this.#rest, found, request)
  }
}

function put<T>(ways: Ways<T>, text: string, way: Way<T>): void {
  const list = ways.get(text)
  if (list === undefined) ways.set(text, [way])
  else list.push(way)
}

function earlier<T>(ways: Way<T>[] | undefined, best: Way<T> | undefined, request: Request): Way<T> | undefined {
  if (ways === undefined) return best
  for (const way of ways) {
    if (best !== undefined && way.position >= best.position) return best
    if (takes(way, request)) return way
  }
  return best
}

function takes<T>({ route, pattern }: Way<T>, { method, host, path }: Request): boolean {
  return takesMethod(route, method) && takesHost(route, host) && pattern.matches(path)
}
