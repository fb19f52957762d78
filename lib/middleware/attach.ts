/**
 * The listeners that a server needs beside its request handler. They are put on a server once, however many proxies are
 * attached to it: an upgrade has one socket, and only one may answer it.
 */

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../errors.js'
import { continueWhenRead } from '../forward/continue.js'
import { sendErrorAnswer } from '../forward/error-answer.js'
import { responseOn } from '../forward/upgrade.js'
import type { Gate } from './node.js'

/** Anything with the events of a Node HTTP, HTTPS or HTTP/2 server. */
export type AttachableServer = Pick<HttpServer, 'on' | 'off' | 'emit' | 'listenerCount'>

interface Attached {
  readonly gates: Set<Gate>
  readonly detach: () => void
}

const attached = new WeakMap<AttachableServer, Attached>()

/** Lets `gate` take the upgrades of `server`, after those that were attached before it. Returns how to undo it. */
export function attach(gate: Gate, server: AttachableServer): () => void {
  // An Express app is a function, and none of what its server emits ever reaches it.
  if (typeof server !== 'object' || server === null || typeof server.on !== 'function') {
    throw new TypeError('attach takes a server: what http.createServer() makes, or app.listen() returns')
  }
  let entry = attached.get(server)
  if (entry === undefined) {
    entry = listen(server)
    attached.set(server, entry)
  }
  const { gates, detach } = entry
  gates.add(gate)
  return () => {
    gates.delete(gate)
    if (gates.size > 0) return
    detach()
    attached.delete(server)
  }
}

function listen(server: AttachableServer): Attached {
  const gates = new Set<Gate>()
  const onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    for (const gate of gates) if (gate.upgrade(req, socket, head)) return
    // Somebody else listens, and may take it.
    if (server.listenerCount('upgrade') > 1) return
    const res = responseOn(req, socket)
    if (res !== undefined) sendErrorAnswer(req, res, new ProxyError('ERR_NOT_FOUND'))
  }
  const onConnect = (req: Http2ServerRequest | IncomingMessage, res: Http2ServerResponse | Duplex): void => {
    if (isStreamRequest(req)) {
      for (const gate of gates) if (gate.connect(req, res as Http2ServerResponse)) return
      if (server.listenerCount('connect') > 1) return
      ;(res as Http2ServerResponse).statusCode = 405
      ;(res as Http2ServerResponse).end()
    } else if (server.listenerCount('connect') === 1) {
      // Without a listener Node closes the connection of a CONNECT in HTTP/1.1 (RFC 9110 §9.3.6); so it stays.
      ;(res as Duplex).destroy()
    }
  }
  const onContinue = (req: IncomingMessage, res: ServerResponse): void => {
    continueWhenRead(req, res)
    server.emit('request', req, res)
  }
  const events = { upgrade: onUpgrade, connect: onConnect, checkContinue: onContinue }
  for (const [event, listener] of Object.entries(events)) server.on(event, listener)
  return {
    gates,
    detach: () => {
      for (const [event, listener] of Object.entries(events)) server.off(event, listener)
    },
  }
}

function isStreamRequest(req: Http2ServerRequest | IncomingMessage): req is Http2ServerRequest {
  return req.httpVersionMajor >= 2
}
