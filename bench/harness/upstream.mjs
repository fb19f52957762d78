/** The servers behind the proxies: one nginx that listens on several addresses. */

import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startNginx } from './nginx.mjs'
import { freePort, freePorts } from './ports.mjs'

/** The body of a small answer. */
export const smallBody =
  'A small answer, as an API gives it: a hundred bytes and twenty-eight, which is about the size of { "ok": true, "id": 12345678 }\n'

/** The paths that every upstream knows, and how long their bodies are. */
export const bodySizes = { '/small': smallBody.length, '/64k': 64 * 1024, '/1m': 1024 * 1024, '/1g': 1024 ** 3 }

/**
 * `POST` to `/upload` is read to its end before it is answered.
 *
 * @param {string} program
 * @param {string} temp
 * @returns {Promise<{ child: import('./children.mjs').Child, addresses: string[] }>} with three addresses
 */
export async function startUpstream(program, temp) {
  const ports = await freePorts(3)
  const child = await startNginx(program, temp, ports[0], (folder) => {
    const root = join(folder, 'files')
    mkdirSync(root)
    for (const [path, size] of Object.entries(bodySizes)) makeFile(join(root, path), size)
    return `
  open_file_cache max=16;
  client_max_body_size 0;
  client_body_buffer_size 64k;
  upstream answers { server unix:${folder}/answers.sock; keepalive 256; }
  server { listen unix:${folder}/answers.sock; location / { ${smallAnswer} } }
  server {
    ${ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join('\n    ')}
    root ${root};
    location = /upload {
      proxy_pass http://answers;
      proxy_http_version 1.1;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
    }
    location = /64k { }
    location = /1m { }
    location = /1g { }
    location / { ${smallAnswer} }
  }`
  })
  return { child, addresses: ports.map((port) => `127.0.0.1:${port}`) }
}

/**
 * Small answers from many addresses.
 *
 * @param {string} program
 * @param {string} temp
 * @param {number} count
 */
export async function startManyUpstreams(program, temp, count) {
  const port = await freePort()
  const hosts = Array.from({ length: count }, (_, at) => `127.0.${1 + Math.floor(at / 250)}.${1 + (at % 250)}`)
  const listens = ['127.0.0.1', ...hosts].map((host) => `listen ${host}:${port};`).join('\n    ')
  const server = `server {\n    ${listens}\n    location / { ${smallAnswer} }\n  }`
  const child = await startNginx(program, temp, port, () => server)
  return { child, addresses: hosts.map((host) => `${host}:${port}`) }
}

const smallAnswer = `return 200 '${smallBody.replace('\n', '\\n')}';`

/** The large one has no blocks on the disk. */
function makeFile(file, size) {
  if (size < 2 ** 24) return writeFileSync(file, Buffer.alloc(size, 'x'))
  const handle = openSync(file, 'w')
  ftruncateSync(handle, size)
  closeSync(handle)
}
