import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import type { Terminal } from './terminal.js'

/** Lines for people: `2024-01-31 12:00:00.000 warn  …`, in local time. */
export function lineLogger(terminal: Terminal, clock: Clock): Logger {
  const { paintOut } = terminal
  const write = (level: string, text: string): void => {
    terminal.out(`${paintOut('dim', localTime(clock.wallTime()))} ${level} ${text}`)
  }
  return {
    info: (message) => write(paintOut('green', 'info '), message),
    warn: (message) => write(paintOut('yellow', 'warn '), message),
    error: (message) => write(paintOut('red', 'error'), message),
  }
}

function localTime(milliseconds: number): string {
  const offset = new Date(milliseconds).getTimezoneOffset() * 60_000
  return new Date(milliseconds - offset).toISOString().slice(0, -1).replace('T', ' ')
}
