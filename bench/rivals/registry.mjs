/** Everything that is measured against each other. */

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, listening } from '../harness/children.mjs'
import { startNginx } from '../harness/nginx.mjs'
import { freePort } from '../harness/ports.mjs'
import { programVersion } from '../harness/programs.mjs'

/**
 * @typedef {object} Rival
 * @property {string} name
 * @property {'product' | 'node' | 'floor' | 'native'} kind `node`: a proxy that runs in Node; `floor`: no proxy at all
 * @property {string} version
 * @property {boolean} webSocket
 * @property {(settings: Omit<import('./serve.mjs').Settings, 'port'>, options?: StartOptions) => Promise<Running>} start
 *
 * @typedef {{ collectable?: boolean }} StartOptions `collectable`: Node is to collect garbage when it is asked to
 *
 * @typedef {{ child: Child, port: number }} Running
 */

/**
 * @param {Readonly<Record<string, string | undefined>>} programs where nginx and haproxy stand
 * @param {string} temp
 * @returns {Rival[]} those that can run here
 */
export function rivals(programs, temp) {
  const list = [
    node('pointsman', 'product', packageVersion('../../package.json'), true, temp),
    pointsmanOverHttpProxy(temp),
    node('http-proxy', 'node', installedVersion('http-proxy'), true, temp),
    node('http-proxy-3', 'node', installedVersion('http-proxy-3'), true, temp),
    node('httpxy', 'node', installedVersion('httpxy'), true, temp),
    node('http-proxy-middleware', 'node', installedVersion('http-proxy-middleware'), true, temp),
    node('reply-from', 'node', installedVersion('@fastify/reply-from'), false, temp),
    node('fast-proxy', 'node', installedVersion('fast-proxy'), false, temp),
    node('hello', 'floor', process.version.slice(1), false, temp),
  ]
  if (programs.nginx !== undefined) list.push(nginx(programs.nginx, temp))
  if (programs.haproxy !== undefined) list.push(haproxy(programs.haproxy, temp))
  return list
}

/** @returns {Rival} */
function node(name, kind, version, webSocket, temp) {
  const program = fileURLToPath(new URL(`${name}.mjs`, import.meta.url))
  return { name, kind, version, webSocket, start: (settings, options) => startNode(program, settings, temp, options) }
}

/** The product, with the http-proxy package in place of its own connections. */
function pointsmanOverHttpProxy(temp) {
  const plain = node('pointsman', 'product', packageVersion('../../package.json'), true, temp)
  return {
    ...plain,
    name: 'pointsman over http-proxy',
    start: (settings, options) => {
      const entries = [{ match: '/*', serverList: settings.servers, transport: 'http-proxy' }]
      return plain.start({ ...settings, config: { entries } }, options)
    },
  }
}

async function startNode(program, settings, temp, { collectable = false } = {}) {
  const port = await freePort()
  const file = join(mkdtempSync(join(temp, 'node-')), 'settings.json')
  writeFileSync(file, JSON.stringify({ ...settings, port }))
  const child = new Child(process.execPath, [...(collectable ? ['--expose-gc'] : []), program, file], {
    ipc: true,
    env: { ...process.env, NODE_ENV: 'production' },
  })
  await listening(child, port)
  return { child, port }
}

/** @returns {Rival} */
function nginx(program, temp) {
  return {
    name: 'nginx',
    kind: 'native',
    version: programVersion(program),
    webSocket: true,
    async start({ servers }) {
      const port = await freePort()
      const child = await startNginx(
        program,
        temp,
        port,
        () => `
  client_max_body_size 0;
  client_body_buffer_size 64k;
  map $http_upgrade $connection_field { default upgrade; '' ''; }
  upstream servers { ${servers.map((server) => `server ${server};`).join(' ')} keepalive 256; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_field;
      proxy_read_timeout 600s;
    }
  }`,
      )
      return { child, port }
    },
  }
}

/** @returns {Rival} */
function haproxy(program, temp) {
  return {
    name: 'haproxy',
    kind: 'native',
    version: programVersion(program),
    webSocket: true,
    async start({ servers }) {
      const port = await freePort()
      const file = join(mkdtempSync(join(temp, 'haproxy-')), 'haproxy.cfg')
      writeFileSync(
        file,
        `global
  nbthread 1
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  http-reuse always
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  default_backend servers
backend servers
  balance roundrobin
${servers.map((server, at) => `  server server${at} ${server}`).join('\n')}
`,
      )
      const child = new Child(program, ['-db', '-f', file])
      await listening(child, port)
      return { child, port }
    },
  }
}

function installedVersion(name) {
  return packageVersion(`../node_modules/${name}/package.json`)
}

function packageVersion(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version
}
