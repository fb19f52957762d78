/** Time that passes for a cluster of fake processes. */

import type { FakeCluster } from './support.js'

/** Lets everything happen that needs no time. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass as it does: what is said meanwhile arrives before the next second begins. */
export async function elapse({ clock }: FakeCluster, milliseconds: number): Promise<void> {
  await settle()
  for (let left = milliseconds; left > 0; left -= 1_000) {
    clock.advance(Math.min(left, 1_000))
    await settle()
  }
}
