import { pemFile } from '../config/files.js'
import { type Contradiction, type OptionTable, show, ValueProblem } from '../config/section.js'
import { optional, scalar, text } from '../config/types.js'
import { checkToken, openToOthers, parseServiceAddress, type ServiceAddress } from '../pool/service-address.js'

/** Where workers dial in: the public form of `[WORKERS]`. */
export interface WorkersConfig {
  /** `8000` (of 127.0.0.1), `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/w.sock`; `*:8000`: all addresses. Default: off. */
  listen?: string | number | false
  /** What a worker shows in `Authorization: Bearer`. Needed where other machines can connect. Default: none. */
  token?: string | false
  /** Certificate chain in PEM: a file, or the text itself. With it, workers dial in over TLS. Default: none. */
  certificate?: string | false
  /** Its key in PEM: a file, or the text itself. */
  certificateKey?: string | false
}

/** Where workers dial in. Certificate and key are text in PEM. */
export interface WorkersOptions {
  /** Undefined: nowhere. */
  readonly listen: ServiceAddress | undefined
  readonly token: string | undefined
  readonly certificate: string | undefined
  readonly certificateKey: string | undefined
}

/** The keys of `[WORKERS]`. */
export const workersTable: OptionTable<WorkersConfig, WorkersOptions> = {
  listen: {
    key: 'Listen',
    type: optional(
      scalar<string, ServiceAddress>({
        describe: 'address',
        fromText: (value) => value,
        fromValue(value) {
          if (typeof value !== 'number') throw new ValueProblem(`expected an address, not ${show(value)}`)
          return String(value)
        },
        resolve: parseWorkersAddress,
      }),
    ),
    scope: 'own',
    doc: 'Where workers dial in: `8000` (of 127.0.0.1), `[::1]:8000`, `*:8000` (all addresses), `unix:/run/w.sock`.',
    defaultText: 'off',
  },
  token: {
    key: 'Token',
    type: optional(text('text', checkToken)),
    scope: 'own',
    doc: 'What each worker has to show, as `Authorization: Bearer TOKEN`. Needed where other machines can connect.',
    defaultText: 'none',
  },
  certificate: {
    key: 'Certificate',
    type: optional(pemFile),
    scope: 'own',
    doc: 'File of the certificate chain in PEM; workers then dial in over TLS. Needs `CertificateKey`.',
    defaultText: 'none',
  },
  certificateKey: {
    key: 'CertificateKey',
    type: optional(pemFile),
    scope: 'own',
    doc: 'File of the key in PEM of `Certificate`.',
    defaultText: 'none',
  },
}

/** What the options of `[WORKERS]` contradict each other in. */
export function workersContradictions(options: WorkersOptions): readonly Contradiction[] {
  const { listen, token, certificate, certificateKey } = options
  const found: Contradiction[] = []
  const open = listen === undefined || token !== undefined ? undefined : openToOthers(listen)
  if (open !== undefined) found.push({ option: 'listen', message: open })
  if (certificate !== undefined && certificateKey === undefined) {
    found.push({ option: 'certificate', message: 'Certificate needs CertificateKey' })
  }
  if (certificateKey !== undefined && certificate === undefined) {
    found.push({ option: 'certificateKey', message: 'CertificateKey needs Certificate' })
  }
  return found
}

/** An address to listen at. Throws an Error with a message for the author of the configuration. */
export function parseWorkersAddress(value: string): ServiceAddress {
  const noTls = 'the address is written without "https:"; Certificate and CertificateKey make it TLS'
  return parseServiceAddress(value, noTls, '127.0.0.1:8000')
}
