/** How many files a process may have open, which is also how many connections. */

import { readFileSync } from 'node:fs'

/** The most that this process can raise its limit to; Node raises its own at start. */
export function openFileLimit() {
  const limit = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
}

/**
 * So many of the wanted connections as the limit lets a process have.
 *
 * @param {number} wanted
 * @param {number} filesEach how many files one of them takes in the process with the most
 * @param {(text: string) => void} note told when that is less
 */
export function withinFileLimit(wanted, filesEach, note) {
  const limit = openFileLimit()
  const possible = Math.floor((limit - 200) / filesEach)
  if (possible >= wanted) return wanted
  note(
    `only ${possible} of ${wanted} connections: a process may have ${limit} files open ` +
      `(raise it with "ulimit -Hn ${wanted * filesEach + 200}" as root, or LimitNOFILE of systemd)`,
  )
  return possible
}
