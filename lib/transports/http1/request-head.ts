import type { TransportRequest } from '../transport.js'

/** The head of a request as one string, written once (RFC 9112 §3). */
export function requestHead({ method, target, headers, upgrade }: TransportRequest): string {
  let text = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  // Connections are kept by default in HTTP/1.1 (RFC 9112 §9.3).
  return upgrade === undefined ? `${text}\r\n` : `${text}Connection: Upgrade\r\n\r\n`
}
