import type { Pattern } from './pattern.js'

/** The match rules of one entry. */
export interface Route<T> {
  /** Empty or undefined: any host. */
  readonly hosts: readonly Pattern[] | undefined
  /** In upper case. Empty or undefined: any method. */
  readonly methods: readonly string[] | undefined
  /** One of them has to match. */
  readonly patterns: readonly Pattern[]
  /** What the rules lead to. */
  readonly value: T
}

/** The route's rules for the method let this one through. */
export function takesMethod<T>({ methods }: Route<T>, method: string): boolean {
  return methods === undefined || methods.length === 0 || methods.includes(method)
}

/** The route's rules for the host let this name through; `host` is what `hostName` gives. */
export function takesHost<T>({ hosts }: Route<T>, host: string): boolean {
  if (hosts === undefined || hosts.length === 0) return true
  for (const pattern of hosts) if (pattern.matches(host)) return true
  return false
}

/** Index of the first pattern that matches, or -1. */
export function matchingPattern<T>({ patterns }: Route<T>, path: string): number {
  for (let index = 0; index < patterns.length; index++) if (patterns[index]!.matches(path)) return index
  return -1
}
