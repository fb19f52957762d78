import { readdirSync, readFileSync } from 'node:fs'
import { eventually } from './wire.js'

/** Stops a process, and comes back when none of its threads runs any more, which may take a moment. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  // Elsewhere there is nothing that tells.
  if (process.platform === 'linux') await eventually(() => isStopped(pid), 'the stop of the process')
}

function isStopped(pid: number): boolean {
  // The state stands behind the name, in parentheses, which may have anything in it.
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    /\) [Tt] [^)]*$/.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
  )
}
