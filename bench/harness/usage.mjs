/** What processes cost: CPU time and memory, as the kernel counts them. */

import { readdirSync, readFileSync } from 'node:fs'

/** Of clock ticks, which is what `/proc/PID/stat` counts in: Linux shows 100 a second to programs, whatever it uses. */
const microsecondsPerTick = 10_000
const pageSize = 4096

/**
 * A process and everything it has started.
 *
 * @param {number} root
 * @returns {number[]}
 */
export function processTree(root) {
  const tree = [root]
  const parents = new Map()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (Number.isInteger(pid)) parents.set(pid, Number(statFields(pid)?.[1]))
  }
  for (let at = 0; at < tree.length; at++) {
    for (const [pid, parent] of parents) if (parent === tree[at]) tree.push(pid)
  }
  return tree
}

/**
 * User and system time of all threads so far, in microseconds.
 *
 * @param {readonly number[]} pids
 */
export function cpuTime(pids) {
  return pids.reduce((sum, pid) => sum + (scheduledTime(pid) ?? tickedTime(pid)), 0)
}

/**
 * Memory that is resident now, in bytes.
 *
 * @param {readonly number[]} pids
 */
export function residentMemory(pids) {
  return pids.reduce((sum, pid) => sum + Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0) * pageSize, 0)
}

/** Keeps the largest resident memory, looked at ten times a second. */
export class PeakMemory {
  /** @param {readonly number[]} pids */
  constructor(pids) {
    this.pids = pids
    this.bytes = residentMemory(pids)
    this.timer = setInterval(() => this.look(), 100)
  }

  look() {
    this.bytes = Math.max(this.bytes, residentMemory(this.pids))
  }

  /** @returns {number} the peak, in bytes */
  stop() {
    clearInterval(this.timer)
    this.look()
    return this.bytes
  }
}

/** The kernel's own account in nanoseconds; not every kernel keeps it. */
function scheduledTime(pid) {
  let nanoseconds = 0
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = read(`/proc/${pid}/task/${task}/schedstat`)
      if (text === undefined) return undefined
      nanoseconds += Number(text.split(' ')[0])
    }
  } catch {
    return undefined
  }
  return nanoseconds / 1000
}

function tickedTime(pid) {
  const fields = statFields(pid)
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick
}

/** The fields of `/proc/PID/stat` behind the name, which may hold spaces and brackets. */
function statFields(pid) {
  const text = read(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
