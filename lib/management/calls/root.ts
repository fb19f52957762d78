/** The calls that tell what there is. */

import * as examples from '../examples.js'
import { openApi } from '../openapi.js'
import { json, type Parts, type Route } from '../route.js'
import { shapes } from '../shapes.js'

/** All calls: `others`, and those that tell of them. */
export function withOverview(others: readonly Route[]): readonly Route[] {
  const root: Route = {
    method: 'GET',
    path: '/',
    summary: 'What this is, and where everything else is.',
    endings: { 200: { description: 'A name and links.', schema: shapes.About, example: examples.about } },
    run(_, parts) {
      const about = { name: 'pointsman', version: parts.version, description: 'Management of a running reverse proxy' }
      return json({ about, links: linksTo(calls, parts) })
    },
  }
  const document: Route = {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI document.',
    endings: { 200: { description: 'OpenAPI 3.1.' } },
    run: (_, { version }) => json(openApi(calls, version)),
  }
  const calls = [root, ...others, document]
  return calls
}

/** The paths without parameters, by their names; not those of parts that this proxy is without. */
function linksTo(calls: readonly Route[], { metrics, assets }: Parts): Record<string, string> {
  const missing = [metrics === undefined ? '/metrics' : '', assets === undefined ? '/dashboard' : '']
  const links: Record<string, string> = {}
  for (const { path } of calls) {
    if (!path.endsWith('/') && !path.includes('{') && !missing.includes(path)) links[nameOf(path)] = path
  }
  return links
}

/** `/stats/detail` is `statsDetail`. */
function nameOf(path: string): string {
  const name = path.slice(1).replace(/\.json$/, '')
  return name.replace(/\/(\w)/g, (_, letter: string) => letter.toUpperCase())
}
