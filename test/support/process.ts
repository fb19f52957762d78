/** The command line as processes of their own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'

const commandLine = resolve('dist/cli/main.js')

/** How long a command may be silent while something is awaited, in milliseconds. */
const patience = 20_000

export interface LaunchOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A program of the tests, in place of the command line. */
  readonly program?: string
}

/** A command that runs, and what it has written so far. */
export class Launched {
  stdout = ''
  stderr = ''
  readonly child: ChildProcess
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly #waiting = new Set<() => void>()

  constructor(args: readonly string[], { cwd, env = {}, program = commandLine }: LaunchOptions) {
    const { FORCE_COLOR: _, ...inherited } = process.env
    this.child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, NO_COLOR: '1', ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#wrote()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#wrote()
    })
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.#wrote()
      return { code, signal }
    })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Waits until either stream holds a match, from `from` characters on; returns it. Rejects when the process ends first. */
  async output(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout.slice(from)) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.exited
        const last = pattern.exec(this.stdout.slice(from)) ?? pattern.exec(this.stderr)
        if (last !== null) return last
        throw new Error(`ended without ${pattern}\n${this.stdout}\n${this.stderr}`)
      }
      await this.#more(pattern)
    }
  }

  /** The address that it says it listens at. */
  async listening(): Promise<string> {
    return (await this.output(/listening on (https?:\/\/\S+)/))[1]!
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  async #more(pattern: RegExp): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve, reject) => {
      this.#waiting.add(resolve)
      const message = `waited in vain for ${pattern}\n${this.stdout}\n${this.stderr}`
      timer = setTimeout(() => reject(new Error(message)), patience)
    }).finally(() => clearTimeout(timer))
  }

  #wrote(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

/** Starts a command; it is killed when the test is over, if it has not ended by then. */
export function launch(t: TestContext, args: readonly string[], options: LaunchOptions = {}): Launched {
  const launched = new Launched(args, options)
  t.after(() => launched.end())
  return launched
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  options: LaunchOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const launched = new Launched(args, options)
  const { code } = await launched.exited
  return { code, stdout: launched.stdout, stderr: launched.stderr }
}

/** A folder with files in it, for the time of a test. */
export function folder(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'pointsman-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}
