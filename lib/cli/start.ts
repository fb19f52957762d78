import { systemClock } from '../clock.js'
import { parseProcesses } from '../cluster/options.js'
import { ClusterService } from './cluster-service.js'
import { type Arguments, type Command, configOption, UsageError } from './command.js'
import { givenFile, type Loaded, listenAddresses, load } from './configuration.js'
import { LeveledLog } from './leveled-log.js'
import { Managing } from './managing.js'
import { Service } from './service.js'
import { type Serving, serveUntilStopped } from './serving.js'
import { Sharing } from './sharing.js'
import { untilStopped } from './signals.js'
import type { Terminal } from './terminal.js'

export const start: Command = {
  name: 'start',
  summary: 'Serves what the configuration says, until a signal ends it.',
  usage: '[-c FILE] [--listen ADDRESS]… [--processes N] [--watch]',
  options: {
    config: {
      ...configOption,
      doc: 'The configuration file. Default: proxy.conf in the working directory; without it, an empty pool, the management API on 127.0.0.1:8687, and workers on 127.0.0.1:8000.',
    },
    listen: {
      short: 'l',
      value: 'ADDRESS',
      repeatable: true,
      doc: 'Listens here and not where [LISTEN] says: 8080, 127.0.0.1:8080, https://:8443, unix:/run/p.sock. Repeatable.',
    },
    processes: {
      short: 'p',
      value: 'N',
      doc: 'How many processes serve, or auto: one for each processor. Default: what [CLUSTER] says, or 1.',
    },
    watch: { short: 'w', doc: 'Reloads when the file, or one that it includes or names, changes.' },
  },
  notes: `HUP reloads the file: a bad one is reported, and what was in force goes on. It also opens the access log anew, as
USR1 does alone.
TERM, INT and QUIT stop accepting, and finish what is under way within ShutdownTimeout; a second one ends it at once.`,
  run,
}

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const file = givenFile(args)
  const clock = systemClock
  const log = new LeveledLog(terminal, clock)
  const addresses = listenAddresses(args)
  const wanted = processes(args)
  // Before anything is said: whoever reads that it listens may send a signal at once.
  const stopped = untilStopped()
  const { logger } = log
  const { cluster, log: logOptions } = load(file, addresses).resolved
  log.setLevel(logOptions.level)
  const settings = { file, addresses, terminal, logger, clock }
  const count = wanted ?? cluster.processes
  const open = () => (count > 1 ? ClusterService.open({ ...settings, processes: count }) : Service.open(settings))
  const manage = async (service: Serving): Promise<{ close(): Promise<void> }> => {
    service.onReload(({ resolved }) => log.setLevel(resolved.log.level))
    const sharing = await Sharing.begin(service, logger, clock)
    try {
      const managing = await Managing.begin(sharing, logger, clock)
      if (file === undefined) logger.info(howToBegin(service.loaded))
      return { close: () => Promise.all([managing.close(), sharing.close()]).then(() => {}) }
    } catch (error) {
      await sharing.close()
      throw error
    }
  }
  return serveUntilStopped(open, { logger, clock, stopped, watch: args.on('watch'), manage })
}

/** The number of `--processes`; undefined without. */
function processes(args: Arguments): number | undefined {
  const text = args.text('processes')
  if (text === undefined) return undefined
  try {
    return parseProcesses(text)
  } catch (error) {
    throw new UsageError(`--processes: ${(error as Error).message}`)
  }
}

function howToBegin({ resolved }: Loaded): string {
  const port = resolved.management.listen?.port
  const call = `curl localhost:${port}/servers -d '{"url":"http://127.0.0.1:12345"}'`
  return `no proxy.conf here, so the pool is empty; start workers, or add a server: ${call}`
}
