import { MessageChannel } from 'node:worker_threads'
import { type Clock, systemClock, type Timer } from '../clock.js'
import { type Arguments, type Command, CommandError, configOption, exitCodes } from './command.js'
import { configuredManagement, managementAddress } from './management-address.js'
import { ManagementClient } from './management-client.js'
import { untilStopped } from './signals.js'
import { type Look, type ServerStats, type ServerView, statusTable, type Totals } from './status-table.js'
import type { Terminal } from './terminal.js'
import { count } from './words.js'

export const status: Command = {
  name: 'status',
  summary: 'Shows the servers of a running proxy, and how they do.',
  usage: '[--url URL] [-c FILE] [--token TOKEN] [--once] [--json]',
  options: {
    url: {
      short: 'u',
      value: 'URL',
      doc: 'The management API: http://127.0.0.1:8687, unix:/run/p.sock. Default: what the file says.',
    },
    config: configOption,
    token: { value: 'TOKEN', doc: 'The Token of [MANAGEMENT]. Default: what the file says.' },
    once: { doc: 'Prints the table once. On a terminal it is otherwise drawn anew each second.' },
    json: { doc: 'Prints once, as JSON, what the API says.' },
  },
  notes: 'Asks the management API of a proxy that runs: [MANAGEMENT] Listen in its configuration. Ctrl-C ends it.',
  run: (args, terminal) => runStatus(args, terminal, systemClock, untilStopped),
}

/** Milliseconds between two looks. */
const interval = 1_000

/** The command, with what it is timed by. `untilStopped`: is asked once it goes on for long; resolves when it is to end. */
export async function runStatus(
  args: Arguments,
  terminal: Terminal,
  clock: Clock,
  untilStopped: () => Promise<unknown>,
): Promise<number> {
  const client = new ManagementClient(managementAddress(args, configuredManagement), clock)
  try {
    const first = await look(client, clock)
    if (args.on('json')) {
      const { servers, stats, detail } = first
      terminal.out(JSON.stringify({ servers, stats, detail }, null, 2))
    } else if (args.on('once') || !terminal.isScreen) {
      terminal.out([summary(client, first), ...statusTable(first, undefined, undefined, terminal.paintOut)].join('\n'))
    } else {
      await watch(client, terminal, clock, first, untilStopped())
    }
    return exitCodes.ok
  } finally {
    client.close()
  }
}

async function look(client: ManagementClient, clock: Clock): Promise<Look> {
  const [{ servers }, detail, stats] = await Promise.all([
    client.get('/servers', isServerList),
    client.get('/stats/detail', isDetail),
    client.get('/stats', isTotals),
  ])
  return { at: clock.now(), wallTime: clock.wallTime(), servers, detail, stats }
}

/** Draws the table again and again until it is to stop. A proxy that does not answer for a while is waited for. */
async function watch(
  client: ManagementClient,
  terminal: Terminal,
  clock: Clock,
  first: Look,
  stopped: Promise<unknown>,
): Promise<void> {
  const screen = new Screen(terminal)
  // Timers of the clock do not keep the process alive.
  const { port1: alive } = new MessageChannel()
  alive.ref()
  const stop = stopped.then(() => undefined)
  let [before, now]: [Look | undefined, Look] = [undefined, first]
  let problem = ''
  let timer: Timer | undefined
  const tick = (): Promise<void> =>
    new Promise((resolve) => {
      timer = clock.setTimeout(resolve, interval)
    })
  try {
    for (;;) {
      screen.draw(page(client, terminal, now, before, problem))
      const next = await Promise.race([stop, tick().then(() => again(client, clock))])
      if (next === undefined) break
      problem = typeof next === 'string' ? next : ''
      if (typeof next !== 'string') [before, now] = [now, next]
    }
  } finally {
    timer?.cancel()
    alive.close()
    screen.end()
  }
}

/** The next look; or why there is none. */
async function again(client: ManagementClient, clock: Clock): Promise<Look | string> {
  try {
    return await look(client, clock)
  } catch (error) {
    if (error instanceof CommandError) return error.message
    throw error
  }
}

function page(
  client: ManagementClient,
  { columns, rows, paintOut }: Terminal,
  now: Look,
  before: Look | undefined,
  problem: string,
): string[] {
  const head = [summary(client, now).slice(0, columns)]
  if (problem !== '') head.push(paintOut('red', `${problem}; it is asked again`.slice(0, columns)))
  return [...head, ...statusTable(now, before, { columns, rows: rows - head.length - 1 }, paintOut)]
}

function summary({ url }: ManagementClient, { stats: { client } }: Look): string {
  return `${url}: ${count(client.success, 'request')} answered, ${client.failed} failed`
}

/** Lines that are drawn over those before them. */
class Screen {
  readonly #terminal: Terminal
  #height = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  draw(lines: readonly string[]): void {
    const home = this.#height > 1 ? `\r\x1b[${this.#height - 1}A` : '\r'
    // Each line clears its rest, and the last one what is below: the screen never flickers.
    this.#terminal.write(`${home}${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`)
    this.#height = lines.length
  }

  end(): void {
    this.#terminal.write('\n')
  }
}

function isServerList(body: unknown): body is { readonly servers: readonly ServerView[] } {
  return Array.isArray((body as { servers?: unknown } | null)?.servers)
}

function isDetail(body: unknown): body is readonly ServerStats[] {
  return Array.isArray(body)
}

function isTotals(body: unknown): body is Totals {
  return typeof (body as { client?: { success?: unknown } } | null)?.client?.success === 'number'
}
