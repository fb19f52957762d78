/** A worker that dials in at the address of its argument, and answers everything with the small body of nginx. */

import { joinProxy } from '../../dist/workers/join.js'
import { smallBody } from '../harness/upstream.mjs'

const [, , url] = process.argv
const headers = { 'Content-Type': 'text/plain', 'Content-Length': smallBody.length }
joinProxy((_, res) => res.writeHead(200, headers).end(smallBody), url, { logger: false })
