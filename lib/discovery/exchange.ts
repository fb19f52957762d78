/** One question to one DNS server, and its answer: over UDP, or over TCP where UDP is too small (RFC 7766). */

import { createSocket } from 'node:dgram'
import { connect, isIP, isIPv6 } from 'node:net'
import { parseLocation } from '../pool/address.js'
import { type Answer, decodeAnswer, type Question } from './message.js'

/** Where a DNS server is. */
export interface Endpoint {
  /** An IP address. */
  readonly host: string
  readonly port: number
}

/**
 * A DNS server as `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:5353`; the port is 53 by default.
 *
 * @throws Error with a message for whoever wrote it.
 */
export function parseEndpoint(text: string): Endpoint {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const endpoint = parseLocation(text, 53, text)
  if (isIP(endpoint.host) === 0) throw new Error(`bad DNS server "${text}"; it is an IP address`)
  return endpoint
}

/** As `parseEndpoint` takes it, always with the port. */
export function endpointText({ host, port }: Endpoint): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** A question that is ready to be sent. */
export interface Query extends Question {
  readonly bytes: Buffer
}

/** Told once or more often how an exchange went, never before the function that began it has returned. */
export type Done = (result: Answer | Error) => void

/** Sends a query, and returns what stops the exchange; to be called once, at its end too. */
export type Exchange = (to: Endpoint, query: Query, done: Done) => () => void

/**
 * Each exchange has a socket of its own, so its port is one that nobody can guess (RFC 5452 §9.2); it is connected, so
 * the kernel drops what comes from elsewhere, and tells when nobody listens.
 */
export const overUdp: Exchange = (to, query, done) => {
  const socket = createSocket(isIPv6(to.host) ? 'udp6' : 'udp4')
  let isOpen = true
  socket.unref()
  socket.on('error', done)
  socket.on('message', (bytes) => {
    const answer = answerIn(bytes, query)
    if (answer !== undefined) done(answer)
  })
  const sent = (error?: Error | null): void => {
    if (error) done(error)
  }
  // Typed without an argument; it gets the error when the system refuses, as it does without a route.
  const connected = (error?: Error): void => {
    if (error !== undefined) done(error)
    else if (isOpen) socket.send(query.bytes, sent)
  }
  socket.connect(to.port, to.host, connected)
  return () => {
    isOpen = false
    socket.close()
  }
}

export const overTcp: Exchange = (to, query, done) => {
  const socket = connect(to.port, to.host)
  let received: Buffer = Buffer.alloc(0)
  socket.unref()
  socket.on('error', done)
  socket.on('close', () => done(new Error('the connection was closed before the answer')))
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
    const bytes = received.subarray(2, 2 + received.readUInt16BE(0))
    done(answerIn(bytes, query) ?? new Error('an answer to another question'))
  })
  const length = Buffer.alloc(2)
  length.writeUInt16BE(query.bytes.length)
  socket.write(Buffer.concat([length, query.bytes]))
  return () => socket.destroy()
}

function answerIn(bytes: Buffer, query: Query): Answer | Error | undefined {
  try {
    return decodeAnswer(bytes, query)
  } catch (error) {
    return error as Error
  }
}
