/** What sources have found, as changes that can be made in every process. */

import { workerAddress } from '../pool/address.js'
import type { Found, Source } from '../pool/source.js'
import type { DialledIn, FoundServer, SourceChange } from './control.js'

/** What a resolver has found. */
export function foundChange(source: Source, found: readonly Found[]): SourceChange {
  const servers = found.map(({ address, weight, backup }): FoundServer => ({ url: address.id, weight, backup }))
  return { kind: 'source', source: source.id, servers }
}

/** Which workers there are, for each of `sources` that takes workers; in the same order in every process. */
export function workerChanges(sources: readonly Source[], workers: readonly DialledIn[]): readonly SourceChange[] {
  return sources
    .filter(({ kind }) => kind === 'worker')
    .map(({ id, name }) => {
      const servers = workers
        .filter(({ service }) => name === '*' || service === name)
        .map(({ service, instance, weight }): FoundServer => ({ url: workerAddress(service, instance).id, weight }))
      return { kind: 'source', source: id, servers: servers.sort((a, b) => (a.url < b.url ? -1 : 1)) }
    })
}
