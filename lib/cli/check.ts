import { ConfigError } from '../config/diagnostics.js'
import { formatAddress } from '../listen/address-text.js'
import { namedServers } from '../pool/source.js'
import { type Arguments, type Command, configOption, exitCodes } from './command.js'
import { configFile, load } from './configuration.js'
import { reportDiagnostics } from './report.js'
import type { Terminal } from './terminal.js'
import { count } from './words.js'

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
    const servers = new Set(
      [...entries, ...tcp].flatMap(({ options }) =>
        namedServers([...options.serverList, ...options.backupList]).map(({ address }) => address.id),
      ),
    )
    const addresses = [...listen.flatMap(({ address }) => address), ...tcp.flatMap(({ options }) => options.listen)]
    // TCP entries may share one.
    const where = [...new Set(addresses.map((address) => formatAddress(address)))]
    const counts = [
      ...(entries.length > 0 || tcp.length === 0 ? [count(entries.length, 'entry')] : []),
      ...(tcp.length > 0 ? [count(tcp.length, 'TCP entry')] : []),
      count(servers.size, 'server'),
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
