/** The problems of a configuration, each with the line that it stands in. */

import { readFileSync } from 'node:fs'
import { type ConfigError, formatPlace, type Place } from '../config/diagnostics.js'
import type { Paint } from './terminal.js'
import { count } from './words.js'

/** `proxy.conf:12:13: …`, the line, a caret below the column; then how many there are. */
export function reportDiagnostics({ diagnostics }: ConfigError, paint: Paint): string {
  const lines = new SourceLines()
  const reports = diagnostics.map(({ place, section, message }) => {
    const title = section === '' ? '' : `${paint('cyan', section)} `
    return `${paint('bold', formatPlace(place))}: ${title}${message}${excerpt(place, lines, paint)}`
  })
  return [...reports, paint('red', count(diagnostics.length, 'problem'))].join('\n')
}

function excerpt(place: Place, lines: SourceLines, paint: Paint): string {
  if (!('file' in place)) return ''
  const line = lines.at(place.file, place.line)
  if (line === undefined || line.trim() === '') return ''
  const number = String(place.line)
  // Tabs stay tabs, so that the caret stands below its column however wide they are.
  const indent = line.slice(0, place.column - 1).replace(/[^\t]/g, ' ')
  return [
    '',
    `  ${paint('dim', `${number} |`)} ${line}`,
    `  ${paint('dim', `${' '.repeat(number.length)} |`)} ${indent}${paint('red', '^')}`,
  ].join('\n')
}

class SourceLines {
  readonly #files = new Map<string, readonly string[]>()

  at(file: string, line: number): string | undefined {
    let lines = this.#files.get(file)
    if (lines === undefined) {
      lines = read(file)
      this.#files.set(file, lines)
    }
    return lines[line - 1]
  }
}

function read(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r\n|\n|\r/)
  } catch {
    // That it cannot be read is what the diagnostic says.
    return []
  }
}
