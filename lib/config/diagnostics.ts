/** Where in the configuration something stands. */
export type Place =
  /** A line of a file; `line` and `column` count from 1. */
  | { readonly file: string; readonly line: number; readonly column: number }
  /** A part of a configuration object, as `entries[2].loadBalance`. */
  | { readonly path: string }

/** One problem of a configuration. */
export interface Diagnostic {
  readonly place: Place
  /** The section or entry it belongs to, as `[PROXY_ENTRY static]`; empty outside any. */
  readonly section: string
  /** What is wrong, and what would be right. */
  readonly message: string
}

/** Thrown when a configuration does not load; it carries every problem that was found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CONFIG'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'))
    this.diagnostics = diagnostics
  }
}

/** `proxy.conf:12` + `:11`, or the path within an object. */
export function formatPlace(place: Place): string {
  return 'path' in place ? place.path : `${place.file}:${place.line}:${place.column}`
}

/** A diagnostic as one line: `proxy.conf:12:11: [PROXY_ENTRY static] unknown balancer …`. */
export function formatDiagnostic({ place, section, message }: Diagnostic): string {
  return `${formatPlace(place)}: ${section === '' ? '' : `${section} `}${message}`
}

/** Collects the problems of one configuration, so that all of them can be told at once. */
export class Diagnostics {
  readonly list: Diagnostic[] = []

  add(place: Place, section: string, message: string): void {
    this.list.push({ place, section, message })
  }

  /** Adds what may be found several times, by way of several entries. */
  addOnce(place: Place, section: string, message: string): void {
    const where = formatPlace(place)
    if (!this.list.some((known) => formatPlace(known.place) === where && known.message === message)) {
      this.add(place, section, message)
    }
  }

  /** Puts the problems of each file in the order of its lines; files stay in the order in which they turned up. */
  sort(): void {
    const files = [...new Set(this.list.map(({ place }) => ('file' in place ? place.file : '')))]
    const key = ({ place }: Diagnostic): readonly number[] =>
      'file' in place ? [files.indexOf(place.file), place.line, place.column] : [files.indexOf(''), 0, 0]
    this.list.sort((one, other) => {
      const [a, b] = [key(one), key(other)]
      return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!
    })
  }

  /** Throws a {@link ConfigError} if anything was collected. */
  throwIfAny(): void {
    if (this.list.length > 0) throw new ConfigError(this.list)
  }
}
