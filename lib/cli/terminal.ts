/** What a command writes to: two streams, with colour where somebody can see it. */

import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

export type Style = Parameters<typeof styleText>[0]

/** Colours a piece of text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

type Stream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>

export class Terminal {
  /** For each stream by itself: one may be a terminal and the other a file. */
  readonly paintOut: Paint
  readonly paintErr: Paint
  /** What was written to the standard output can be written over. */
  readonly isScreen: boolean
  readonly #out: Stream
  readonly #err: Stream

  constructor(out: Stream, err: Stream, env: NodeJS.ProcessEnv) {
    this.#out = out
    this.#err = err
    this.paintOut = painter(out, env)
    this.paintErr = painter(err, env)
    this.isScreen = out.isTTY === true && env.TERM !== 'dumb'
    // A reader that has left (`pointsman start | head`) must not end a proxy that serves.
    for (const stream of [out, err]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
      })
    }
  }

  /** Characters in a line of the screen. A terminal that nobody has told its size says 0. */
  get columns(): number {
    return this.#out.columns || 80
  }

  /** Lines of the screen. */
  get rows(): number {
    return this.#out.rows || 24
  }

  /** Text without a line break behind it. */
  write(text: string): void {
    this.#out.write(text)
  }

  /** A line, or several. */
  out(text: string): void {
    this.#out.write(`${text}\n`)
  }

  err(text: string): void {
    this.#err.write(`${text}\n`)
  }
}

function painter(stream: Stream, env: NodeJS.ProcessEnv): Paint {
  return isColoured(stream, env)
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text
}

/** https://no-color.org and https://force-color.org; what is forced goes first, as with Node itself. */
function isColoured({ isTTY }: Stream, { FORCE_COLOR, NO_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTTY === true && (NO_COLOR ?? '') === '' && TERM !== 'dumb'
}
