/** What a reload reads, and what is said of one that fails. */

import { RefusedError } from '../cluster/channel.js'
import { ConfigError } from '../config/diagnostics.js'
import { ChangeError, type Control } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import { ListenError } from '../listen/listen-error.js'
import type { ListenAddress } from '../listen/options.js'
import { CommandError } from './command.js'
import { type Loaded, load } from './configuration.js'
import { reportDiagnostics } from './report.js'
import type { Terminal } from './terminal.js'

/** Hears of the files that matter now: those in force, and those that were read, or in which there are problems. */
export type OnRead = (files: readonly string[]) => void

export interface ReloadSource {
  readonly file: string | undefined
  /** In place of those of the file, unless there are none. */
  readonly addresses: readonly ListenAddress[]
}

/** Reads the file again. `inForce`: the files of what is in force. */
export function readAgain({ file, addresses }: ReloadSource, inForce: readonly string[], onRead: OnRead): Loaded {
  if (file === undefined) {
    throw new ChangeError('invalid', 'the proxy was started without a file; name one with -c FILE when you start it')
  }
  try {
    const next = load(file, addresses)
    onRead([...inForce, ...next.resolved.files])
    return next
  } catch (error) {
    const places = error instanceof ConfigError ? error.diagnostics.map(({ place }) => place) : []
    onRead([...inForce, ...places.flatMap((place) => ('file' in place ? [place.file] : []))])
    throw error
  }
}

/** Says why a reload has failed. `source`: the file, as messages call it. */
export function reportFailure(error: unknown, terminal: Terminal, logger: Logger, source: string): void {
  if (error instanceof ConfigError) terminal.err(reportDiagnostics(error, terminal.paintErr))
  else if (isExpected(error)) terminal.err(error.message)
  else terminal.err(error instanceof Error ? (error.stack ?? error.message) : String(error))
  logger.error(`${source} was not reloaded; what was in force goes on`)
}

/** A control whose reload is the command line's, and tells whoever has asked for it what stands in the way. */
export function withReload(control: Control, reload: () => Promise<void>, ready: () => boolean): Control {
  return {
    snapshot: () => control.snapshot(),
    change: (change) => control.change(change),
    reload: () =>
      reload().catch((error: unknown) => {
        throw isExpected(error) ? new ChangeError('invalid', error.message) : error
      }),
    configuration: () => control.configuration(),
    get ready() {
      return control.ready && ready()
    },
    watch: (listener) => control.watch(listener),
  }
}

/** Its message says all there is to say. */
function isExpected(error: unknown): error is Error {
  return [ListenError, CommandError, ChangeError, RefusedError].some((type) => error instanceof type)
}
