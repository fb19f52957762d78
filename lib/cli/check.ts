import { ConfigError } from '../config/diagnostics.js'
import { formatAddress } from '../listen/address-text.js'
import { idOf, namedServers, namedSources } from '../pool/source.js'
import { type Arguments, type Command, configOption, exitCodes } from './command.js'
import { configFile, load } from './configuration.js'
import { reportDiagnostics } from './report.js'
import type { Terminal } from './terminal.js'
import { count, shortServer } from './words.js'

export const check: Command = {
  name: 'check',
  summary: 'Reads the configuration, and reports every problem in it.',
  usage: '[-c FILE]',
  options: { config: configOption },
  notes: 'Exits with 1 when there are problems. Files that are named in it, certificates among them, are read as well.',
  run,
}

function run(args: Arguments, terminal: Terminal): number {
  const file = configFile(args)
  try {
    const { resolved, listen } = load(file)
    const { entries, tcp } = resolved
    const listed = [...entries, ...tcp].flatMap(({ options }) => [...options.serverList, ...options.backupList])
    const servers = new Set(namedServers(listed).map(idOf))
    const sources = new Set(namedSources(listed).map((each) => shortServer(idOf(each))))
    const addresses = [...listen.flatMap(({ address }) => address), ...tcp.flatMap(({ options }) => options.listen)]
    // TCP entries may share one.
    const where = [...new Set(addresses.map((address) => formatAddress(address)))]
    const counts = [
      ...(entries.length > 0 || tcp.length === 0 ? [count(entries.length, 'entry')] : []),
      ...(tcp.length > 0 ? [count(tcp.length, 'TCP entry')] : []),
      ...(servers.size > 0 || sources.size === 0 ? [count(servers.size, 'server')] : []),
      ...(sources.size > 0 ? [`servers of ${[...sources].join(' and ')}`] : []),
    ]
    const verdict = terminal.paintOut('green', `${file} is sound`)
    terminal.out(`${verdict}: ${counts.join(', ')}, listening on ${where.join(', ')}`)
    return exitCodes.ok
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    terminal.err(reportDiagnostics(error, terminal.paintErr))
    return exitCodes.failure
  }
}
