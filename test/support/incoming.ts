import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** A client's request, of which only what matters has to be said. */
export function incoming(
  given: {
    method?: string
    url?: string
    /** Name, value, name, value … as on the wire. */
    fields?: readonly string[]
    peer?: string | undefined
    encrypted?: boolean
    httpVersion?: string
  } = {},
): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: 'peer' in given ? given.peer : '192.0.2.9' })
  if (given.encrypted === true) Object.assign(socket, { encrypted: true })
  const req = new IncomingMessage(socket)
  req.method = given.method ?? 'GET'
  req.url = given.url ?? '/'
  req.httpVersion = given.httpVersion ?? '1.1'
  req.httpVersionMajor = Number(req.httpVersion.split('.')[0])
  req.httpVersionMinor = Number(req.httpVersion.split('.')[1])
  req.rawHeaders = [...(given.fields ?? [])]
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i]!.toLowerCase()
    const value = req.rawHeaders[i + 1]!
    const known = req.headers[name]
    const joined = name === 'cookie' ? '; ' : ', '
    if (known === undefined) req.headers[name] = value
    else if (name !== 'host' && name !== 'content-length') req.headers[name] = `${String(known)}${joined}${value}`
  }
  return req
}
