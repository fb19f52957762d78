/** The answers that the proxy gives by itself. They tell the client nothing about the inside. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { ErrorPage } from '../config/files.js'
import { errorTable, type ProxyError } from '../errors.js'
import { pseudonym } from './request-head.js'

/** Status, fields and body for an error; `retryAfter` in milliseconds, 0 when nothing is known. */
export function errorAnswer(
  req: IncomingMessage,
  error: ProxyError,
  page: ErrorPage | undefined,
  retryAfter: number,
): { status: number; fields: string[]; body: Buffer } {
  const { status, proxyStatus, text } = errorTable[error.code]
  const { body, contentType } = page ?? builtIn(status, text, String(req.headers.accept ?? ''))
  const fields = ['Content-Type', contentType, 'Content-Length', String(body.length), 'Cache-Control', 'no-store']
  if (status === 503) fields.push('Retry-After', String(Math.max(1, Math.ceil(retryAfter / 1000))))
  if (proxyStatus !== undefined) fields.push('Proxy-Status', `${pseudonym}; error=${proxyStatus}`)
  return { status, fields, body }
}

/** Answers a request that no exchange has taken on, with a page of the configuration's where there is one. */
export function sendErrorAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  error: ProxyError,
  pages?: ReadonlyMap<number, ErrorPage>,
): void {
  const { status, fields, body } = errorAnswer(req, error, pages?.get(error.status), 0)
  if (res.headersSent || res.destroyed) return
  for (let i = 0; i < fields.length; i += 2) res.setHeader(fields[i] as string, fields[i + 1] as string)
  if (req.httpVersionMajor < 2 && (status === 400 || error.code === 'ERR_CLOSED')) res.setHeader('Connection', 'close')
  res.statusCode = status
  res.end(req.method === 'HEAD' ? undefined : body)
}

function builtIn(status: number, text: string, accept: string): ErrorPage {
  const title = `${status} ${STATUS_CODES[status] ?? 'Error'}`
  switch (preferred(accept)) {
    case 'html':
      return {
        body: Buffer.from(
          `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${title}</title>\n<h1>${title}</h1>\n<p>${text}</p>\n</html>\n`,
        ),
        contentType: 'text/html; charset=utf-8',
      }
    case 'json':
      return {
        body: Buffer.from(`${JSON.stringify({ error: { status, message: text } })}\n`),
        contentType: 'application/json',
      }
    default:
      return { body: Buffer.from(`${title}\n${text}\n`), contentType: 'text/plain; charset=utf-8' }
  }
}

/** The kind of page that `Accept` weighs highest (RFC 9110 §12.5.1); plain text when it names none of ours. */
function preferred(accept: string): 'html' | 'json' | 'text' {
  let best: 'html' | 'json' | 'text' = 'text'
  let bestWeight = 0
  for (const item of accept.toLowerCase().split(',')) {
    const type = item.split(';')[0]?.trim() ?? ''
    const weight = Number(/;\s*q=([\d.]+)/.exec(item)?.[1] ?? 1)
    const kind = kinds(type)
    if (kind === undefined || !(weight > bestWeight)) continue
    best = kind
    bestWeight = weight
  }
  return best
}

function kinds(type: string): 'html' | 'json' | 'text' | undefined {
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  if (type === 'application/json' || type.endsWith('+json')) return 'json'
  return type === 'text/plain' || type === 'text/*' ? 'text' : undefined
}
