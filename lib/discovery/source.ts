/** The contract of discovery: somebody who finds out which servers the sources of a configuration stand for. */

import type { Found, Source } from '../pool/source.js'

/** Told which servers a source has now. They take the place of what was told of the same source before. */
export type OnFound = (source: Source, servers: readonly Found[]) => void

export interface Discovery {
  /**
   * The full set of sources, at the start and after each reload. Those that were wanted before go on undisturbed, new
   * ones are asked at once, others are dropped: nothing is told of them any more.
   */
  want(sources: readonly Source[]): void
  /** Stops everything at once; nothing is told any more. Idempotent. */
  close(): void
}
