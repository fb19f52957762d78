/** The page for people. It holds no data: what it shows it fetches, with the token that its reader types in. */

import { createHash } from 'node:crypto'
import { ApiError } from '../errors.js'
import type { Answer, Asset, Call, Ending, Parts, Route } from '../route.js'

const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
}
const unchanged: Ending = { description: 'It is as it was: `If-None-Match` has its `ETag`.', contentType: 'text/html' }

export const dashboardCalls: readonly Route[] = [
  {
    method: 'GET',
    path: '/dashboard',
    summary: 'A page of pools and servers with live state.',
    endings: { 200: { description: 'The page.', contentType: 'text/html; charset=utf-8' }, 304: unchanged },
    errors: ['not_found'],
    withoutToken: true,
    anyQuery: true,
    run: (call, parts) => answer(call, parts, '/dashboard'),
  },
  {
    method: 'GET',
    path: '/dashboard/',
    summary: 'Leads to the page.',
    endings: { 308: { description: 'To `/dashboard`.', headers: { Location: 'Relative to this path.' } } },
    errors: ['not_found'],
    withoutToken: true,
    anyQuery: true,
    run: (_, parts) => toPage(parts),
  },
  {
    method: 'GET',
    path: '/dashboard/{file}',
    summary: 'What the page loads.',
    endings: { 200: { description: 'A script, a style sheet.', contentType: 'text/javascript' }, 304: unchanged },
    errors: ['not_found'],
    withoutToken: true,
    anyQuery: true,
    run: (call, parts) => answer(call, parts, `/dashboard/${call.parameters.file}`),
  },
]

/** Shown here, the page would miss what it loads. The way to it is relative: there may be a path of a proxy before it. */
function toPage(parts: Parts): Answer {
  assetsOf(parts)
  return { status: 308, headers: { ...headers, Location: '../dashboard' }, body: '' }
}

function answer({ request }: Call, parts: Parts, path: string): Answer {
  const assets = assetsOf(parts)
  const asset = isPlain(path) ? assets(path) : undefined
  if (asset === undefined) throw new ApiError('not_found', `the dashboard has no file ${path}`)
  const tag = tagOf(asset)
  const known = (request.headers['if-none-match'] ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''))
  if (known.includes(tag) || known.includes('*')) return { status: 304, headers: { ...headers, ETag: tag }, body: '' }
  return { status: 200, headers: { ...headers, ETag: tag, 'Content-Type': asset.contentType }, body: asset.body }
}

function assetsOf({ assets }: Parts): NonNullable<Parts['assets']> {
  if (assets !== undefined) return assets
  throw new ApiError('not_found', 'this proxy has no dashboard; see Dashboard of [MANAGEMENT]')
}

/** Whatever looks files up need not think of `..` and the like. */
function isPlain(path: string): boolean {
  return /^\/dashboard(?:\/\w[\w.-]*)?$/.test(path)
}

function tagOf({ body }: Asset): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
}
