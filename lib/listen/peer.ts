import type { Socket } from 'node:net'

const known = new WeakMap<Socket, string>()

/** What tells a connection apart from all others of its server; the same for a TLS socket and the TCP connection below it. */
export function peerOf(socket: Socket): string {
  return known.get(socket) ?? `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`
}

/** `socket` is about to show another address than that of its other end. */
export function rememberPeer(socket: Socket, peer: string): void {
  known.set(socket, peer)
}
