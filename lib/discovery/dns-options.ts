import { list } from '../config/lists.js'
import { eachItem, type OptionTable } from '../config/section.js'
import { endpointText, parseEndpoint } from './exchange.js'

/** How names are looked up: the public form. */
export interface DnsConfig {
  /** DNS servers: `10.0.0.2`, `127.0.0.1:8600`, `[::1]:53`. Default: those of the system. */
  resolver?: string | readonly string[]
}

/** How names are looked up. */
export interface DnsOptions {
  /** DNS servers with their ports; none: those of the system. */
  readonly resolver: readonly string[]
}

/** The keys of `[PROXY_DEFAULTS]` that are about DNS. */
export const dnsTable: OptionTable<DnsConfig, DnsOptions> = {
  resolver: {
    key: 'Resolver',
    type: list({
      describe: 'DNS servers',
      mayBeEmpty: true,
      resolve: (items) => eachItem(items, (item) => endpointText(parseEndpoint(item))),
    }),
    default: [],
    scope: 'defaults',
    doc: 'DNS servers for `dns:` and `srv:`, as `10.0.0.2` or `127.0.0.1:8600`.',
    defaultText: "the system's",
  },
}
