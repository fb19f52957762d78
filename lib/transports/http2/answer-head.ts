import { ProxyError } from '../../errors.js'
import { checkResponseHead } from '../response-head.js'
import type { RawHeaders, ResponseHead } from '../transport.js'

/** The head of an answer, and how long it says that its body is. */
export interface AnswerHead extends ResponseHead {
  readonly length: number | undefined
}

/** Checks a head. `raw`: with its pseudo-fields. `complete`: the stream ended with it. */
export function answerHead(method: string, status: number, raw: RawHeaders, complete: boolean): AnswerHead {
  const head = checkResponseHead(method, status, '', withoutPseudo(raw))
  // Node's library refuses such fields; this is for those who build Node with another one (RFC 9113 §8.2.2).
  if (head.chunked || status === 101) throw new ProxyError('ERR_RESPONSE_INVALID', 'the server answered as in HTTP/1.1')
  if (complete && (head.length ?? 0) > 0) {
    throw new ProxyError('ERR_RESPONSE_INVALID', 'the server answered with a length and no body')
  }
  const { headers, hasBody, length } = head
  return { status, reason: '', headers, hasBody: hasBody && !complete, length: hasBody ? length : undefined }
}

/** The fields alone. Pseudo-fields stand before all others (RFC 9113 §8.3). */
export function withoutPseudo(raw: RawHeaders): RawHeaders {
  let at = 0
  while (raw[at]?.startsWith(':')) at += 2
  return at === 0 ? raw : raw.slice(at)
}
