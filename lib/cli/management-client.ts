/** Asks the management API, and says what is wrong when it does not answer as it should. */

import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import type { Clock } from '../clock.js'
import { CommandError } from './command.js'
import type { ManagementTarget } from './management-address.js'

/** Milliseconds that an answer may take. */
const patience = 5_000
/** Bytes of an answer; far more than what thousands of servers need. */
const longest = 64 * 1024 * 1024

interface Reply {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

export class ManagementClient {
  /** Where it is, for messages. */
  readonly url: string
  readonly #token: string | undefined
  readonly #clock: Clock
  readonly #options: RequestOptions
  readonly #base: string
  readonly #send: typeof request
  readonly #agent: Agent

  constructor({ url, token }: ManagementTarget, clock: Clock) {
    this.url = url
    this.#token = token
    this.#clock = clock
    const secure = url.startsWith('https:')
    const { hostname, port, pathname } = new URL(url.startsWith('unix:') ? 'http://localhost' : url)
    this.#options = url.startsWith('unix:')
      ? { socketPath: url.slice('unix:'.length) }
      : { host: hostname.replace(/^\[|\]$/g, ''), ...(port === '' ? {} : { port: Number(port) }) }
    this.#base = pathname.replace(/\/$/, '')
    this.#send = secure ? secureRequest : request
    this.#agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true })
  }

  /**
   * The body of `GET path`, as `check` takes it.
   *
   * @throws CommandError saying why there is none.
   */
  async get<Body>(path: string, check: (body: unknown) => body is Body): Promise<Body> {
    const { status, contentType, text } = await this.#ask(path)
    const body = parse(text)
    if (status === 200 && check(body)) return body
    if (status === 401) {
      const what = this.#token === undefined ? 'wants a token; give it with --token TOKEN' : 'does not accept the token'
      throw new CommandError(`${this.url} ${what}`)
    }
    const message = (body as { error?: { message?: unknown } } | undefined)?.error?.message
    if (status !== 200 && typeof message === 'string') {
      // What comes from elsewhere must not command the terminal.
      throw new CommandError(`${this.url} refuses GET ${path}: ${message.replace(/\p{C}/gu, '\ufffd')}`)
    }
    throw this.#stranger(`it answers GET ${path} with ${status}${contentType === '' ? '' : `, ${contentType}`}`)
  }

  /** Closes its connections. */
  close(): void {
    this.#agent.destroy()
  }

  async #ask(path: string): Promise<Reply> {
    const req = this.#send({
      ...this.#options,
      path: `${this.#base}${path}`,
      agent: this.#agent,
      headers: {
        Accept: 'application/json',
        ...(this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }),
      },
    })
    let late: CommandError | undefined
    const timer = this.#clock.setTimeout(() => {
      late = new CommandError(`${this.url} did not answer within ${patience / 1000} s`)
      req.destroy(late)
    }, patience)
    try {
      return await new Promise<Reply>((resolve, reject) => {
        req.on('error', reject)
        req.on('response', (res) => read(res).then(resolve, reject))
        req.end()
      })
    } catch (error) {
      throw late ?? this.#explain(error as NodeJS.ErrnoException)
    } finally {
      timer.cancel()
    }
  }

  #explain(error: NodeJS.ErrnoException): Error {
    if (error instanceof CommandError) return error
    const { code = '', message } = error
    if (code === 'ECONNREFUSED' || code === 'ENOENT') {
      return new CommandError(
        `nobody listens at ${this.url}. Is Pointsman running, with Listen in [MANAGEMENT]? Another address is named with --url`,
      )
    }
    if (code.startsWith('HPE_')) return this.#stranger('it does not speak HTTP')
    if (code === 'ECONNRESET') return new CommandError(`${this.url} closed the connection without an answer`)
    return new CommandError(`cannot ask ${this.url}: ${message}`)
  }

  #stranger(why: string): CommandError {
    return new CommandError(`what listens at ${this.url} is no management API of Pointsman: ${why}`)
  }
}

async function read(res: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of res as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > longest) throw new CommandError('the answer has no end')
    chunks.push(chunk)
  }
  const contentType = (res.headers['content-type'] ?? '').split(';')[0]!.trim()
  return { status: res.statusCode ?? 0, contentType, text: Buffer.concat(chunks).toString() }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
