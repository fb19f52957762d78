/**
 * `start-several.js FILE N [watch]`: what the command `start` does for several processes. What its management is asked
 * comes in as lines of JSON `{ "change": … }`, `{ "snapshot": true }` …, and goes out as lines that begin with `#`.
 */

import { createInterface } from 'node:readline'
import { ClusterService } from '#lib/cli/cluster-service.js'
import { lineLogger } from '#lib/cli/log.js'
import { serveUntilStopped } from '#lib/cli/serving.js'
import { untilStopped } from '#lib/cli/signals.js'
import { Terminal } from '#lib/cli/terminal.js'
import { systemClock } from '#lib/clock.js'
import type { Change } from '#lib/forward/control.js'

interface Asked {
  readonly change?: Change
  readonly snapshot?: true
  readonly reload?: true
  readonly pids?: true
}

function answer(result: object): void {
  process.stdout.write(`#${JSON.stringify(result)}\n`)
}

async function obey({ control, pids }: ClusterService, asked: Asked): Promise<object> {
  if (asked.change !== undefined) return control.change(asked.change)
  if (asked.snapshot !== undefined) return control.snapshot()
  if (asked.pids !== undefined) return { pids, ready: control.ready }
  await control.reload()
  return { reloaded: true }
}

const [file = '', processes = '2', watch] = process.argv.slice(2)
process.title = 'pointsman'
const terminal = new Terminal(process.stdout, process.stderr, process.env)
try {
  const settings = { terminal, logger: lineLogger(terminal, systemClock), clock: systemClock }
  const opened = ClusterService.open({ ...settings, file, addresses: [], processes: Number(processes) })
  process.exitCode = await serveUntilStopped(() => opened, {
    ...settings,
    watch: watch === 'watch',
    stopped: untilStopped(),
    manage: async () => {
      const service = await opened
      const lines = createInterface({ input: process.stdin })
      lines.on('line', (line) => {
        obey(service, JSON.parse(line)).then(answer, (error: Error) => answer({ error: error.message }))
      })
      return {
        async close() {
          lines.close()
          process.stdin.destroy()
        },
      }
    },
  })
} catch (error) {
  terminal.err((error as Error).message)
  process.exitCode = 1
}
