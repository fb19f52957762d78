/** Reads the body of a call. */

import type { IncomingMessage } from 'node:http'
import { ApiError } from './errors.js'
import { problemOf, type Schema } from './schema.js'

/** The longest body in bytes. */
export const longestBody: number = 64 * 1024

/** The body as JSON, whatever its content type says: `curl -d` calls it a form. @throws ApiError */
export async function readBody(request: IncomingMessage, schema: Schema): Promise<unknown> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw new ApiError('unsupported_encoding', `the body is sent as ${encoding}; send it plain`)
  const value = parse(await readAll(request))
  const problem = problemOf(schema, value)
  if (problem !== undefined) throw new ApiError('bad_body', problem)
  return value
}

/** What comes after the limit is read and dropped, so that it does not stand in the way of the next request. */
function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    const settle = (error?: ApiError): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      if (error === undefined) resolve(Buffer.concat(chunks))
      else reject(error)
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > longestBody) settle(tooLarge())
      else chunks.push(chunk)
    }
    const onEnd = (): void => settle()
    const onClose = (): void => settle(new ApiError('bad_request', 'the body broke off'))
    if (Number(request.headers['content-length'] ?? 0) > longestBody) settle(tooLarge())
    else request.on('data', onData).on('end', onEnd).on('close', onClose)
  })
}

function tooLarge(): ApiError {
  return new ApiError('body_too_large', `the body is longer than ${longestBody} bytes`)
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new ApiError('bad_json', 'the body is empty; it has to be a JSON object')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ApiError('bad_json', 'the body is not UTF-8')
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ApiError('bad_json', `the body is not JSON: ${(error as Error).message}`)
  }
}
