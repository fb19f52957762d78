import { createProxy } from '../create.js'
import { type Arguments, type Command, configOption, exitCodes, UsageError } from './command.js'
import { configFile, load } from './configuration.js'
import { formatExplanation } from './explanation-text.js'
import type { Terminal } from './terminal.js'

export const explain: Command = {
  name: 'explain',
  summary: 'Tells why a request would go where it goes, without sending it.',
  usage: "[-c FILE] [-H 'NAME: VALUE']… [--client ADDRESS] [--json] METHOD URL",
  takesPositionals: true,
  options: {
    config: configOption,
    header: { short: 'H', value: "'NAME: VALUE'", repeatable: true, doc: 'A field of the request. Repeatable.' },
    client: { value: 'ADDRESS', doc: 'Address of the client. Default: 127.0.0.1.' },
    json: { doc: 'Prints the explanation as JSON.' },
  },
  notes: `URL is a path, as /index.php, or a whole URL, whose host then counts. METHOD may be left out: GET.
Servers stand as they do in a proxy that has just been started. Exits with 0 if an entry takes the request, else with 1.`,
  run,
}

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const { method, url } = request(args.positionals)
  const headers = fields(args.texts('header'))
  const clientAddress = args.text('client') ?? '127.0.0.1'
  const { config, resolved } = load(configFile(args))
  const proxy = createProxy(config, { logger: false })
  const explanation = proxy.explain({ method, url, headers, clientAddress })
  await proxy.close()
  const text = args.on('json')
    ? JSON.stringify(explanation, null, 2)
    : formatExplanation(explanation, resolved.defaults.statisticsURL, terminal.paintOut)
  terminal.out(text)
  return explanation.outcome === 'entry' ? exitCodes.ok : exitCodes.failure
}

function request(positionals: readonly string[]): { method: string; url: string } {
  if (positionals.length === 0) throw new UsageError('METHOD and URL are missing, as in: explain GET /index.php')
  if (positionals.length > 2) throw new UsageError(`unexpected "${positionals[2]}"; the arguments are METHOD and URL`)
  const [method, url] = positionals.length === 1 ? ['GET', positionals[0]!] : (positionals as [string, string])
  // RFC 9110 §5.6.2.
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(method)) throw new UsageError(`"${method}" is no method; METHOD comes before URL`)
  if (!/^(?:\/|[a-z][a-z0-9+.-]*:\/\/|\*$)/i.test(url)) {
    throw new UsageError(`"${url}" is neither a path, as /index.php, nor a whole URL, as http://example.com/index.php`)
  }
  return { method, url }
}

function fields(texts: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (const text of texts) {
    const match = /^([\w!#$%&'*+.^`|~-]+)\s*:\s*(.*?)\s*$/.exec(text)
    if (match === null) throw new UsageError(`-H: "${text}" is no field; write it as 'Name: value'`)
    const [, name, value] = match as unknown as [string, string, string]
    headers[name] ??= []
    headers[name].push(value)
  }
  return headers
}
