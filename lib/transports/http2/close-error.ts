import { ProxyError } from '../../errors.js'
import type { Session } from './session.js'

/** Error codes of RFC 9113 §7. */
export const noError = 0
export const protocolError = 1
export const refusedStream = 7
export const cancel = 8

const names: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]

/** What it means that a stream was closed before all of the answer had come. `begun`: its head had. */
export function closeError(session: Session, code: number, begun: boolean): ProxyError {
  if (session.lost) {
    const why = session.error === undefined ? '' : `: ${session.error.message}`
    if (begun) return new ProxyError('ERR_RESPONSE_INCOMPLETE', `the connection closed within the answer${why}`)
    return new ProxyError('ERR_CONNECTION_LOST', `the connection closed before an answer${why}`)
  }
  const message = `the server reset the stream with ${names[code] ?? `code ${code}`}`
  if (begun) return new ProxyError('ERR_RESPONSE_INCOMPLETE', message)
  // Node resets with this code what is no answer, and tells no more.
  if (code === protocolError) return new ProxyError('ERR_RESPONSE_INVALID', 'the answer breaks the rules of HTTP/2')
  return new ProxyError('ERR_STREAM_RESET', message)
}
