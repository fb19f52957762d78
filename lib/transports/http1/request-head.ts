import type { TransportRequest } from '../transport.js'

/** The head of a request as one string, written once (RFC 9112 §3). */
export function requestHead({ method, target, headers, upgrade }: TransportRequest): string {
  let text = `${method} ${target} HTTP/1.1\r\n`
  let trailers = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    text += `${name}: ${headers[i + 1]}\r\n`
    if (name === 'TE') trailers = true
  }
  if (upgrade !== undefined) return `${text}Connection: Upgrade\r\n\r\n`
  // `TE` is for this connection (RFC 9110 §10.1.4). That it is kept goes without saying in HTTP/1.1 (RFC 9112 §9.3).
  return trailers ? `${text}Connection: TE\r\n\r\n` : `${text}\r\n`
}
