/** The processes of a run: started here, and none of them outlives it. */

import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { basename, isAbsolute } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** @type {Set<Child>} */
const running = new Set()

/** A process, with the end of what it wrote to stderr. */
export class Child {
  /**
   * @param {string} command
   * @param {readonly string[]} args
   * @param {{ ipc?: boolean, env?: NodeJS.ProcessEnv }} [options]
   */
  constructor(command, args, { ipc = false, env = process.env } = {}) {
    // Without folders: it gets into the results.
    this.name = [command, ...args].map((part) => (isAbsolute(part) ? basename(part) : part)).join(' ')
    this.stdout = ''
    this.stderr = ''
    /** @type {Error | undefined} */
    this.error = undefined
    // A group of its own: a server's workers end with it.
    this.process = spawn(command, args, {
      detached: true,
      env,
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])],
    })
    running.add(this)
    this.process.stdout?.setEncoding('utf8').on('data', (text) => {
      this.stdout += text
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr = (this.stderr + text).slice(-4096)
    })
    /** Settles when the process is over, with its exit code; undefined after a signal. */
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => {
        this.error = error
        resolve(undefined)
      })
      this.process.once('close', (code) => resolve(code ?? undefined))
    }).then((code) => {
      running.delete(this)
      return code
    })
  }

  /** @returns {number} */
  get pid() {
    return this.process.pid ?? 0
  }

  get alive() {
    return running.has(this) && this.process.exitCode === null && this.process.signalCode === null
  }

  /** What it says about its end, for messages. */
  get complaint() {
    return this.error?.message ?? (this.stderr.trim() || `it ended with ${this.process.exitCode}`)
  }

  /**
   * The next message with this property, which it is then the value of.
   *
   * @param {string} property
   * @param {number} [timeout] in milliseconds
   * @returns {Promise<any>}
   */
  async message(property, timeout = 60_000) {
    /** @type {(message: any) => void} */
    let listener = () => {}
    const arrived = new Promise((resolve) => {
      listener = (message) => {
        if (message !== null && typeof message === 'object' && property in message) resolve([message[property]])
      }
      this.process.on('message', listener)
    })
    const late = new AbortController()
    const given = await Promise.race([
      arrived,
      this.ended,
      sleep(timeout, undefined, { signal: late.signal }).catch(() => undefined),
    ])
    late.abort()
    this.process.off('message', listener)
    if (Array.isArray(given)) return given[0]
    throw new Error(this.alive ? `${this.name} did not say "${property}" in time` : `${this.name}: ${this.complaint}`)
  }

  /** @param {object} message */
  send(message) {
    this.process.send?.(message)
  }

  /** Ends it, whatever it is doing. */
  async stop() {
    this.signal('SIGTERM')
    const late = new AbortController()
    await Promise.race([this.ended, sleep(1000, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
    if (this.alive) this.signal('SIGKILL')
    await this.ended
  }

  /** @param {NodeJS.Signals} name */
  signal(name) {
    if (this.pid === 0) return
    try {
      process.kill(-this.pid, name)
    } catch {
      // It is over.
    }
  }
}

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string>} what it wrote
 */
export async function runToEnd(command, args) {
  const child = new Child(command, args)
  const code = await child.ended
  if (code !== 0) throw new Error(`${child.name}: ${child.complaint}`)
  return child.stdout
}

export async function stopAll() {
  await Promise.all([...running].map((child) => child.stop()))
}

process.once('exit', () => {
  for (const child of running) child.signal('SIGKILL')
})

/**
 * Waits until somebody accepts connections there.
 *
 * @param {Child} child who is expected to
 * @param {number} port of 127.0.0.1
 */
export async function listening(child, port) {
  for (const end = Date.now() + 15_000; Date.now() < end; await sleep(20)) {
    if (!child.alive) break
    if (await accepts(port)) return
  }
  throw new Error(`${child.name} does not listen: ${child.complaint}`)
}

/** @param {number} port */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
