/**
 * The files of the dashboard: a page that a browser shows as it stands, without a build and without anything from
 * elsewhere. They hold no secrets, so they can be given to whoever has no token yet; what they show comes from the API.
 */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A file as it is sent. */
export interface DashboardAsset {
  readonly contentType: string
  readonly body: string | Buffer
}

const own = [
  'style.css',
  'icon.svg',
  'add-form.js',
  'announcer.js',
  'api.js',
  'app.js',
  'clock.js',
  'connection.js',
  'dialogs.js',
  'format.js',
  'history.js',
  'plots.js',
  'rows.js',
  'servers.js',
  'stream.js',
  'tables.js',
]

const contentTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/**
 * Reads the files, and returns how to look one up by the path of a request, without query: `/dashboard` is the page,
 * and everything else it needs lies below `/dashboard/`. Undefined: there is no such file.
 *
 * The page needs no more than `Content-Security-Policy: default-src 'self'`.
 */
export function dashboardAssets(): (path: string) => DashboardAsset | undefined {
  const require = createRequire(import.meta.url)
  const assets = new Map([
    ['/dashboard', read('index.html', new URL('index.html', import.meta.url))],
    ['/dashboard/uplot.js', read('uplot.js', require.resolve('uplot/dist/uPlot.esm.js'))],
    ['/dashboard/uplot.css', read('uplot.css', require.resolve('uplot/dist/uPlot.min.css'))],
  ])
  for (const name of own) assets.set(`/dashboard/${name}`, read(name, new URL(name, import.meta.url)))
  return (path) => assets.get(path)
}

function read(name: string, file: string | URL): DashboardAsset {
  const contentType = contentTypes[name.slice(name.lastIndexOf('.') + 1)]!
  return { contentType, body: readFileSync(file) }
}
