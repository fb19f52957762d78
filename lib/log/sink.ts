/** Where the bytes of a log go. */

import { close, constants, fstatSync, open, write } from 'node:fs'
import type { Writable } from 'node:stream'
import { promisify } from 'node:util'

/** Takes bytes, one call at a time. */
export interface LogSink {
  /** For messages. */
  readonly name: string
  /** What holds it up when it is slow, for messages. */
  readonly brake: string
  /** Writes some of the bytes and resolves with how many; 0: it takes none just now. */
  write(bytes: Buffer): Promise<number>
  /** Opens what bears the name now, in place of what bore it before. */
  reopen(): Promise<void>
  close(): Promise<void>
}

/** `target`: `stdout`, the path of a file, or a stream. */
export function sinkTo(target: string | Writable): LogSink {
  if (typeof target !== 'string') return new StreamSink(target, 'the stream')
  if (target !== 'stdout') return new FileSink(target)
  // Node writes to a file synchronously where it is the standard output.
  return fstatSync(1).isFile()
    ? new FileSink('the standard output', 1)
    : new StreamSink(process.stdout, 'the standard output')
}

const openFile = promisify(open)
const writeFile = promisify(write)
const closeFile = promisify(close)

/**
 * To the end of a file, which is made where there is none. A FIFO without a reader, or a full one, must not hold up a
 * thread of Node's pool; files do not know of `O_NONBLOCK`, and Windows has none.
 */
const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0)

/** Addresses of clients are not for every user of the machine. */
const mode = 0o640

class FileSink implements LogSink {
  readonly name: string
  readonly brake = 'the disk does not keep up'
  /** The descriptor belongs to somebody else. */
  readonly #borrowed: boolean
  #fd: number | undefined

  constructor(name: string, fd?: number) {
    this.name = name
    this.#borrowed = fd !== undefined
    this.#fd = fd
  }

  async write(bytes: Buffer): Promise<number> {
    this.#fd ??= await openFile(this.name, flags, mode)
    try {
      return (await writeFile(this.#fd, bytes)).bytesWritten
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
      throw error
    }
  }

  async reopen(): Promise<void> {
    if (this.#borrowed) return
    await this.close()
    this.#fd = await openFile(this.name, flags, mode)
  }

  async close(): Promise<void> {
    const fd = this.#fd
    if (this.#borrowed || fd === undefined) return
    this.#fd = undefined
    await closeFile(fd)
  }
}

class StreamSink implements LogSink {
  readonly name: string
  readonly brake = 'its reader does not keep up'
  readonly #stream: Writable

  constructor(stream: Writable, name: string) {
    this.name = name
    this.#stream = stream
    // Each write tells its error by itself; without a listener the event would end the process.
    stream.on('error', ignore)
  }

  write(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, (error) => {
        if (error) reject(error)
        else resolve(bytes.length)
      })
    })
  }

  async reopen(): Promise<void> {}

  async close(): Promise<void> {
    this.#stream.off('error', ignore)
  }
}

function ignore(): void {}
