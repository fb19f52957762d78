/** Why listening failed, in words for whoever starts the proxy. */

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { formatAddress, type Place } from './address-text.js'

/** Thrown when not every address could be listened at; one problem for each that could not. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'ERR_LISTEN'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** What went wrong at one address, and what helps. */
export function listenProblem(address: Place, error: unknown): string {
  if (error instanceof ListenError) return error.message
  return `cannot listen on ${formatAddress(address)}: ${reason(address, error as NodeJS.ErrnoException)}`
}

function reason({ socketPath, host, port }: Place, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      if (socketPath !== undefined) return 'another process listens there already'
      return `the address is in use; "ss -ltnp sport = :${port}" shows by which process`
    case 'EACCES':
      // libuv tells a missing folder in the same way.
      if (socketPath !== undefined) {
        return existsSync(dirname(socketPath)) ? 'permission denied for its folder' : 'its folder does not exist'
      }
      return (
        'permission denied; ports below 1024 need a privilege: on Linux CAP_NET_BIND_SERVICE ' +
        '(AmbientCapabilities= in a unit of systemd), or take a higher port'
      )
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${host}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address is known for the name ${host}`
    default:
      return error.message
  }
}
