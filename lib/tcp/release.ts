/**
 * Memory of bytes that have gone out is given back at once. Node reads into new memory each time, and the garbage
 * collector lets some thirty megabytes of it pile up before it looks: in a proxy that does nothing but pass bytes on, that
 * is most of its memory, and cleaning up behind it most of its time.
 */

import type { Socket } from 'node:net'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/** Less is not worth the call. */
const worthIt = 16 * 1024

/** ES2024; Node has it from version 22 on. */
type Transferable = ArrayBuffer & { transfer?(length: number): ArrayBuffer }

let nowhere: MessagePort | undefined

/**
 * Gives back the memory of `chunk`, which came by a `data` event of `from`, and which the system has taken over to send it on.
 * Not where somebody else might look at it: it has its memory for itself, and nobody else listens.
 */
export function release(chunk: Buffer, from: Socket): void {
  const memory = chunk.buffer as Transferable
  if (chunk.length < worthIt || memory.byteLength !== chunk.length) return
  if (from.listenerCount('data') > 1) return
  if (memory.transfer !== undefined) {
    memory.transfer(0)
    return
  }
  nowhere ??= closedPort()
  nowhere.postMessage(undefined, [memory])
}

/** Whatever is sent to it is gone, and what is moved there (HTML §9.4.3, `postMessage`) with it. */
function closedPort(): MessagePort {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  port1.unref()
  return port1
}
