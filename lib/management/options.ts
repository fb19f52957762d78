import { type Contradiction, type OptionTable, show, ValueProblem } from '../config/section.js'
import { boolean, optional, scalar, text } from '../config/types.js'
import {
  checkToken,
  formatServiceAddress,
  openToOthers,
  parseServiceAddress,
  type ServiceAddress,
} from '../pool/service-address.js'

/** The management API: the public form of `[MANAGEMENT]`. */
export interface ManagementConfig {
  /** `8687` (of 127.0.0.1), `127.0.0.1:8687`, `[::1]:8687`, `unix:/run/p.sock`; `*:8687`: all addresses. Default: off. */
  listen?: string | number | false
  /** What calls carry in `Authorization: Bearer`. Needed where other machines can connect. Default: none. */
  token?: string | false
  /** The page at `/dashboard`. Default: true. */
  dashboard?: boolean | string
}

/** Where the management API listens. */
export type ManagementAddress = ServiceAddress

/** The management API. */
export interface ManagementOptions {
  /** Undefined: there is none. */
  readonly listen: ManagementAddress | undefined
  readonly token: string | undefined
  readonly dashboard: boolean
}

/** The keys of `[MANAGEMENT]`. */
export const managementTable: OptionTable<ManagementConfig, ManagementOptions> = {
  listen: {
    key: 'Listen',
    type: optional(
      scalar<string, ManagementAddress>({
        describe: 'address',
        fromText: (value) => value,
        fromValue(value) {
          if (typeof value !== 'number') throw new ValueProblem(`expected an address, not ${show(value)}`)
          return String(value)
        },
        resolve: parseManagementAddress,
      }),
    ),
    scope: 'own',
    doc: 'Where the API listens: `8687` (of 127.0.0.1), `[::1]:8687`, `*:8687` (all addresses), `unix:/run/p.sock`.',
    defaultText: 'off',
  },
  token: {
    key: 'Token',
    type: optional(text('text', checkToken)),
    scope: 'own',
    doc: 'What each call has to carry, as `Authorization: Bearer TOKEN`. Needed where other machines can connect.',
    defaultText: 'none',
  },
  dashboard: {
    key: 'Dashboard',
    type: boolean,
    default: true,
    scope: 'own',
    doc: 'The page at `/dashboard`.',
  },
}

/** What the options of `[MANAGEMENT]` contradict each other in. */
export function managementContradictions({ listen, token }: ManagementOptions): readonly Contradiction[] {
  const message = listen === undefined || token !== undefined ? undefined : openToOthers(listen)
  return message === undefined ? [] : [{ option: 'listen', message }]
}

/** An address to listen at. Throws an Error with a message for the author of the configuration. */
export function parseManagementAddress(value: string): ManagementAddress {
  const noTls = 'the management API speaks no TLS; listen on 127.0.0.1, behind an entry or a tunnel'
  return parseServiceAddress(value, noTls, '127.0.0.1:8687')
}

/** As a URL that can be opened, as far as there is one; `bound` is the port that was given for port 0. */
export function formatManagementAddress(address: ManagementAddress, bound?: number): string {
  return formatServiceAddress(address, bound)
}
