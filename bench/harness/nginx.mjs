/** Configurations of nginx, as the servers behind the proxies and as one of the rivals. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { Child, listening } from './children.mjs'
import { openFileLimit } from './limits.mjs'

/**
 * @param {string} program
 * @param {string} temp where its folder is made
 * @param {number} port on which it is expected to listen
 * @param {(folder: string) => string} http what stands in its `http` block
 * @returns {Promise<Child>}
 */
export async function startNginx(program, temp, port, http) {
  const folder = mkdtempSync(join(temp, 'nginx-'))
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, frame(folder, http(folder)))
  const child = new Child(program, ['-p', folder, '-c', file, '-e', 'stderr'])
  await listening(child, port)
  return child
}

function frame(folder, http) {
  const files = Math.min(openFileLimit(), 65_536)
  const { uid, username } = userInfo()
  const parts = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
${uid === 0 ? `user ${username};` : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile ${files};
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections ${Math.floor(files * 0.9)}; multi_accept on; }
http {
  access_log off;
  default_type text/plain;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  ${parts.map((part) => `${part}_temp_path ${folder}/${part};`).join('\n  ')}
  ${http}
}
`
}
