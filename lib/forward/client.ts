/**
 * Who the client is: the peer of the connection, or, behind trusted proxies, whom they say (RFC 7239 and the
 * `X-Forwarded-*` fields that came before it). What an untrusted peer says about it counts for nothing.
 */

import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { clientField } from './client-fields.js'
import type { TrustedPeers } from './trust.js'

/** What is known about the client of a request. */
export interface ClientFacts {
  /** IP address; empty for a Unix socket. */
  readonly address: string
  /** `http` or `https`, as the client used it. */
  readonly proto: string
  /** The host that the client asked for, with its port if it gave one. */
  readonly host: string
  /** The port that the client named, or that of its protocol. */
  readonly port: string
  /** The peer is a trusted proxy: what it sent under these names is kept and added to. */
  readonly trusted: boolean
}

/** The address of the connection's other end, in its plain form. */
export function peerAddress(req: IncomingMessage): string {
  return plainAddress(req.socket.remoteAddress ?? '')
}

/** An IPv4 address as such, which a socket for both families shows in its mapped form (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Finds out who the client is. `host` is what the request itself says. */
export function clientFacts(req: IncomingMessage, host: string, trust: TrustedPeers): ClientFacts {
  const peer = peerAddress(req)
  const secure = (req.socket as Partial<TLSSocket>).encrypted === true
  const proto = secure ? 'https' : 'http'
  if (!trust.trusts(req.socket.remoteAddress)) {
    return { address: peer, proto, host, port: portOf(host, proto), trusted: false }
  }
  const addresses = list(clientField(req, 'x-forwarded-for'))
  // A proxy that writes the one passes the other on as the client sent it; most write `X-Forwarded-For`.
  const forwarded = addresses.length > 0 ? [] : parseForwarded(clientField(req, 'forwarded'))
  const chain = addresses.length > 0 ? addresses : forwarded.map((hop) => hop.for)
  const nearest = forwarded.at(-1)
  const saidProto = (list(clientField(req, 'x-forwarded-proto')).at(-1) ?? nearest?.proto ?? proto).toLowerCase()
  const saidHost = list(clientField(req, 'x-forwarded-host')).at(-1) ?? nearest?.host ?? host
  const safeProto = saidProto === 'https' || saidProto === 'http' ? saidProto : proto
  const port = list(clientField(req, 'x-forwarded-port')).at(-1) ?? portOf(saidHost, safeProto)
  return { address: walk(chain, peer, trust), proto: safeProto, host: saidHost, port, trusted: true }
}

/** Goes back along the chain as long as those who wrote it are trusted. */
function walk(chain: readonly string[], peer: string, trust: TrustedPeers): string {
  let address = peer
  for (let i = chain.length - 1; i >= 0; i--) {
    const said = nodeAddress(chain[i] as string)
    if (said === undefined) return address
    address = said
    if (!trust.trusts(address)) return address
  }
  return address
}

/** `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1` → the address; undefined for `unknown`, `_hidden`. */
function nodeAddress(node: string): string | undefined {
  if (/^[0-9.]+$/.test(node)) return node
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(node)?.[1]
  if (bracketed !== undefined) return bracketed
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(node)?.[1]
  if (withPort !== undefined) return withPort
  return /^[0-9a-f:.]+$/i.test(node) ? node : undefined
}

interface ForwardedHop {
  readonly for: string
  readonly proto: string | undefined
  readonly host: string | undefined
}

function parseForwarded(value: string): ForwardedHop[] {
  if (value === '') return []
  return (value.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []).map((element) => {
    const pairs = new Map<string, string>()
    for (const [, name, quoted, plain] of element.matchAll(/([a-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))/gi)) {
      pairs.set((name as string).toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '')
    }
    return { for: pairs.get('for') ?? 'unknown', proto: pairs.get('proto'), host: pairs.get('host') }
  })
}

function list(value: string): string[] {
  return value === '' ? [] : value.split(',').map((item) => item.trim())
}

function portOf(host: string, proto: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? (proto === 'https' ? '443' : '80')
}
