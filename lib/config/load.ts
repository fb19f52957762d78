/** Configuration files to configuration objects. */

import { Diagnostics } from './diagnostics.js'
import { readText } from './ini.js'
import { parseFile } from './parse.js'
import { checkConfig } from './resolve.js'
import type { Config } from './schema.js'
import { messageOf } from './section.js'
import type { Environment } from './text.js'

export { resolveConfig } from './resolve.js'
export type { ResolvedConfig, ResolvedEntry, ResolvedTcpEntry } from './resolved.js'
export type { Config, DefaultsConfig, EntryConfig, EntryOptions } from './schema.js'

/** How a configuration is read. */
export interface LoadOptions {
  /** Environment variables. Default: those of the process. */
  env?: Environment
}

/** How the text of a configuration is read. */
export interface ParseOptions extends LoadOptions {
  /**
   * Name of the file, for messages; relative file names start in its folder. Default: `proxy.conf` in the working
   * directory.
   */
  file?: string
}

/**
 * Reads the text of a configuration file. The object holds what the text sets and nothing else: durations in seconds,
 * sizes in bytes, file names absolute. It can be given wherever the file can.
 *
 * @throws ConfigError with every problem at once, in `diagnostics`.
 *
 * @example
 * parseConfig('[PROXY_ENTRY]\nMatch /*\nServerList 10.0.0.1:80')
 * // { entries: [{ match: ['/*'], serverList: ['10.0.0.1:80'] }] }
 */
export function parseConfig(text: string, options: ParseOptions = {}): Config {
  const diagnostics = new Diagnostics()
  const config = parseFile(text, options.file, options.env ?? process.env, diagnostics)
  checkConfig(config, diagnostics)
  diagnostics.sort()
  diagnostics.throwIfAny()
  return config
}

/**
 * Reads a configuration file, as {@link parseConfig} does.
 *
 * @throws ConfigError with every problem at once; also when the file cannot be read.
 */
export function loadConfig(path: string, options: LoadOptions = {}): Config {
  const diagnostics = new Diagnostics()
  let text = ''
  try {
    text = readText(path)
  } catch (error) {
    diagnostics.add({ file: path, line: 1, column: 1 }, '', messageOf(error))
  }
  diagnostics.throwIfAny()
  return parseConfig(text, { ...options, file: path })
}
