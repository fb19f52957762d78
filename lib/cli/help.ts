import { type Command, type CommandOption, hasOwnH } from './command.js'
import type { Paint } from './terminal.js'
import { align } from './words.js'

/** The help of the whole. */
export function generalHelp(commands: readonly Command[], paint: Paint): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const)
  return `Pointsman, a reverse proxy: rules in a file, balancers, failover.

${paint('bold', 'Usage')}: pointsman COMMAND [OPTIONS]

${paint('bold', 'Commands')}
${align(rows).join('\n')}

${paint('bold', 'Options')}
${align([
  ['-h, --help', 'This text; behind a command, its own.'],
  ['-v, --version', 'The version.'],
]).join('\n')}

"pointsman demo" shows it at work.`
}

/** The help of one command. */
export function commandHelp(command: Command, paint: Paint): string {
  const { name, summary, usage, options, notes } = command
  const help = [hasOwnH(command) ? '    --help' : '-h, --help', 'This text.'] as const
  const rows = [...Object.entries(options).map(optionRow), help]
  const text = `${summary}

${paint('bold', 'Usage')}: pointsman ${name} ${usage}

${paint('bold', 'Options')}
${align(rows).join('\n')}`
  return notes === undefined ? text : `${text}\n\n${notes}`
}

function optionRow([name, { short, value, doc }]: [string, CommandOption]): readonly [string, string] {
  const long = `--${name}${value === undefined ? '' : ` ${value}`}`
  return [short === undefined ? `    ${long}` : `-${short}, ${long}`, doc]
}
