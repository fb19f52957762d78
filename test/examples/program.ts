import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

// Compiled tests stand in dist-test/examples/.
const folder = new URL('../../examples/', import.meta.url)

/** An example that runs. */
export interface Program {
  /** Where it says that it listens. */
  readonly url: string
  readonly process: ChildProcess
  /** What it has written so far. */
  readonly output: () => string
  /** Resolves once it has written a text that fits. */
  readonly written: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** A file of the examples' folder. */
export function exampleFile(name: string): string {
  return fileURLToPath(new URL(name, folder))
}

/** Starts an example on any free port, and ends it with the test. */
export async function start(t: TestContext, name: string, cwd?: string): Promise<Program> {
  const child = spawn(process.execPath, [exampleFile(name)], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  let output = ''
  const waiting = new Set<() => void>()
  const check = (): void => {
    for (const each of [...waiting]) each()
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      check()
    })
  }
  let ended = false
  exited.then(() => {
    ended = true
    check()
  })
  const written = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(output)
        if (found === null && !ended) return
        waiting.delete(look)
        if (found === null) reject(new Error(`${name} ended and had not written ${pattern}:\n${output}`))
        else resolve(found)
      }
      waiting.add(look)
      look()
    })
  const [, url = ''] = await written(/Listening on ([a-z]+:\/\/\S+)\n/)
  return { url, process: child, output: () => output, written }
}

/** The body of an answer, as text. */
export async function text(url: string, options?: RequestInit): Promise<string> {
  return (await fetch(url, options)).text()
}

/** A request with a body in JSON. */
export function json(value: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}
