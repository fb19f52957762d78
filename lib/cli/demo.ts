/** The picture at work: every server of the configuration as a small process of its own, and the proxy before them. */

import { relative } from 'node:path'
import { systemClock } from '../clock.js'
import { ListenError } from '../listen/listen-error.js'
import { type Arguments, type Command, CommandError, exitCodes } from './command.js'
import { configFile, exampleFile, load } from './configuration.js'
import { DemoServers, demoSpecs, portHint } from './demo-servers.js'
import { lineLogger } from './log.js'
import { Service, type ServiceSettings } from './service.js'
import { untilStopped } from './signals.js'
import type { Paint, Terminal } from './terminal.js'
import { align, describeEntries } from './words.js'

export const demo: Command = {
  name: 'demo',
  summary: 'Shows it at work: five small servers, and the proxy before them.',
  usage: '[-c FILE]',
  options: {
    config: {
      short: 'c',
      value: 'FILE',
      doc: 'Another configuration than the example of the package: a copy of it with other ports, for instance.',
    },
  },
  notes: `A server is started for each address in ServerList and BackupList, which have to be addresses of this machine.
Ctrl-C ends the proxy and all of the servers.`,
  run,
}

/** Requests that are suggested, each for the entry that takes it. */
const samples = ['/index.php', '/logo.png', '/style.css', '/index.html', '/']

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const file = args.text('config') === undefined ? exampleFile : configFile(args)
  const { resolved } = load(file)
  const logger = lineLogger(terminal, systemClock)
  const servers = new DemoServers(demoSpecs(resolved.entries), (server) => {
    logger.warn(
      `${server.name} (${server.address}, process ${server.pid}) has ended; to start it again, in another terminal:`,
    )
    terminal.out(`  ${programName()} demo-server ${server.name} ${server.address}`)
  })
  const stopped = untilStopped()
  try {
    await servers.start(file)
    const service = await open({ file, addresses: [], terminal, logger, clock: systemClock })
    terminal.out(introduction(file, service, servers, terminal.paintOut))
    await stopped
    terminal.out('stopping')
    servers.expectEnd()
    await service.stop()
    return exitCodes.ok
  } finally {
    await servers.stop()
  }
}

async function open(settings: ServiceSettings & { file: string }): Promise<Service> {
  try {
    return await Service.open(settings)
  } catch (error) {
    if (error instanceof ListenError) throw new CommandError(`${error.message}\n${portHint(settings.file)}`)
    throw error
  }
}

function introduction(file: string, { proxy, listeners, loaded }: Service, servers: DemoServers, paint: Paint): string {
  const { origin = '' } = listeners
  const seen = new Set<string>()
  const requests = samples.flatMap((path) => {
    const { outcome, entries, balancer } = proxy.explain({ url: path })
    const entry = entries.at(-1)?.name ?? ''
    if (outcome !== 'entry' || seen.has(entry)) return []
    seen.add(entry)
    return [[paint('cyan', `curl ${origin}${path}`), `a server of ${entry}, by ${balancer}`]]
  })
  const { statisticsURL } = loaded.resolved.defaults
  const page =
    statisticsURL === undefined ? [] : [[paint('cyan', `${origin}${statisticsURL}`), 'all servers and their states']]
  return [
    `${paint('bold', 'The proxy')}, as ${relative(process.cwd(), file) || file} says, on ${listeners.urls.join(', ')}`,
    ...describeEntries(loaded.resolved.entries).map((line) => `  ${line}`),
    '',
    paint('bold', 'The servers'),
    ...align(servers.list.map(({ name, address, pid }) => [name, address, `process ${pid}`])),
    '',
    paint('bold', 'Try'),
    ...align([...requests, ...page, ...failover(loaded.resolved.entries[0]!, servers, paint)]),
    '',
    'Ctrl-C ends all of it.',
  ].join('\n')
}

function failover(
  { options }: { readonly options: { attemptsCount: number; offlineTimeOut: number; highAvailability: boolean } },
  servers: DemoServers,
  paint: Paint,
): string[][] {
  const first = servers.list[0]
  if (first === undefined || !options.highAvailability) return []
  const { attemptsCount, offlineTimeOut } = options
  return [
    [paint('cyan', `kill ${first.pid}`), `ends ${first.name}: no request fails, since others answer`],
    [
      '',
      `after ${attemptsCount} attempts it is offline, as will be told here, and is left alone for ${offlineTimeOut / 1000} s`,
    ],
  ]
}

/** How this program was called, so that it can be called again. */
export function programName(argv: readonly string[] = process.argv): string {
  const script = argv[1] ?? ''
  if (/[\\/]node_modules[\\/]\.bin[\\/]/.test(script)) return 'npx pointsman'
  return /[\\/]pointsman$/.test(script) ? 'pointsman' : `node ${relative(process.cwd(), script)}`
}
