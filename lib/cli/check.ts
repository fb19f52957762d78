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
    const servers = new Set(
      resolved.entries.flatMap(({ options }) =>
        namedServers([...options.serverList, ...options.backupList]).map(({ address }) => address.id),
      ),
    )
    const where = listen.flatMap(({ address }) => address).map((address) => formatAddress(address))
    const entries = count(resolved.entries.length, 'entry')
    terminal.out(
      `${terminal.paintOut('green', `${file} is sound`)}: ${entries}, ${count(servers.size, 'server')}, listening on ${where.join(', ')}`,
    )
    return exitCodes.ok
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    terminal.err(reportDiagnostics(error, terminal.paintErr))
    return exitCodes.failure
  }
}
