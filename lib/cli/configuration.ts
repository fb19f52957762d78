/** The configuration of a command: the file, and what the command line says instead of it. */

import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Diagnostics } from '../config/diagnostics.js'
import { sectionTitle } from '../config/ini.js'
import { type Config, loadConfig, type ResolvedConfig, resolveConfig } from '../config/load.js'
import { sectionOrigin } from '../config/origin.js'
import { type ListenAddress, type ListenOptions, parseListenAddress } from '../listen/options.js'
import { tlsProblem } from '../listen/tls.js'
import type { WantedListeners } from './all-listeners.js'
import { type Arguments, CommandError, UsageError } from './command.js'

/** The example that comes with the package. */
export const exampleFile: string = fileURLToPath(new URL('../../proxy.conf.example', import.meta.url))

/** A configuration that was read and checked. */
export interface Loaded {
  readonly config: Config
  readonly resolved: ResolvedConfig
  /** Where to listen: what the file says, or the command line. */
  readonly listen: readonly ListenOptions[]
}

/** Everything that it listens at. */
export function wantedListeners({ listen, resolved: { tcp, workers } }: Loaded): WantedListeners {
  return { listen, tcp, workers }
}

/** Milliseconds that what is under way may take at the end: the longest `ShutdownTimeout`. */
export function shutdownTimeout({ listen }: Loaded): number {
  return Math.max(0, ...listen.map((each) => each.shutdownTimeout))
}

const usualFile = 'proxy.conf'

/** What is served without a file: an empty pool for everything, which gets its servers through the API, or from workers that dial in. */
const withoutFile: Config = {
  entries: [{ name: 'default', match: '/*', serverList: 'worker:*' }],
  management: { listen: '127.0.0.1:8687' },
  workers: { listen: '127.0.0.1:8000' },
}

/** The file that a command was given, or the usual one where it is there; undefined where there is none. */
export function givenFile(args: Arguments): string | undefined {
  return args.text('config') === undefined && !existsSync(usualFile) ? undefined : configFile(args)
}

/** The file that a command was given. Throws when there is none. */
export function configFile(args: Arguments): string {
  const file = args.text('config') ?? usualFile
  if (existsSync(file)) return file
  throw new CommandError(
    `${file}: there is no such file. Name another one with -c FILE, or begin with the example:\n` +
      `  cp ${relative(process.cwd(), exampleFile)} ${file}`,
  )
}

/** The addresses of `--listen`. Throws a {@link UsageError} for a bad one. */
export function listenAddresses(args: Arguments): readonly ListenAddress[] {
  return args.texts('listen').map((text) => {
    try {
      return parseListenAddress(text)
    } catch (error) {
      throw new UsageError(`--listen: ${(error as Error).message}`)
    }
  })
}

/**
 * Reads a file, and checks it as far as that is possible without listening. `addresses` take the place of those of the
 * file, unless there are none. Without a file there is an empty pool with an API.
 *
 * @throws ConfigError with every problem at once.
 */
export function load(file: string | undefined, addresses: readonly ListenAddress[] = []): Loaded {
  const config = file === undefined ? withoutFile : loadConfig(file)
  const resolved = resolveConfig(config)
  checkCertificates(config, resolved)
  return { config, resolved, listen: addresses.length > 0 ? overridden(resolved.listen, addresses) : resolved.listen }
}

function checkCertificates({ listen = [], workers }: Config, resolved: ResolvedConfig): void {
  const diagnostics = new Diagnostics()
  listen.forEach((section, index) => {
    checkCertificate(section, resolved.listen[index]!, 'LISTEN', `listen[${index}]`, diagnostics)
  })
  if (workers !== undefined) checkCertificate(workers, resolved.workers, 'WORKERS', 'workers', diagnostics)
  diagnostics.throwIfAny()
}

type Certified = Pick<ListenOptions, 'certificate' | 'certificateKey'>
type Named = { readonly [Name in keyof Certified]?: string | false }

/** `path`: where the section stands in a configuration object. */
function checkCertificate(
  section: Named,
  options: Certified,
  name: string,
  path: string,
  diagnostics: Diagnostics,
): void {
  const problem = tlsProblem(options, {
    certificate: fileName(section.certificate),
    certificateKey: fileName(section.certificateKey),
  })
  if (problem === undefined) return
  const place = sectionOrigin(section)?.options.get(problem.option)?.place
  diagnostics.add(place ?? { path: `${path}.${problem.option}` }, sectionTitle(name, ''), problem.message)
}

function fileName(value: string | false | undefined): string {
  return typeof value === 'string' && !value.includes('-----BEGIN ') ? value : 'the text that was given'
}

/** Timeouts and limits stay those of the first section; a certificate comes from the first one that has any. */
function overridden(sections: readonly ListenOptions[], addresses: readonly ListenAddress[]): readonly ListenOptions[] {
  const secure = sections.find(({ certificate }) => certificate !== undefined)
  if (secure === undefined && addresses.some(({ scheme }) => scheme === 'https')) {
    throw new CommandError('--listen: an https:// address needs Certificate and CertificateKey in [LISTEN] of the file')
  }
  const { certificate, certificateKey } = secure ?? sections[0]!
  return [{ ...sections[0]!, certificate, certificateKey, address: addresses }]
}
