/** Certificates and keys, checked before anything is changed: Node would tell at the first handshake, or not at all. */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { ListenOptions } from './options.js'

/** What is wrong with a pair of certificate and key, and which of the two is to blame. */
export interface TlsProblem {
  readonly option: 'certificate' | 'certificateKey'
  readonly message: string
}

/** What the two are called in messages: the names of their files. */
export interface TlsNames {
  readonly certificate: string
  readonly certificateKey: string
}

/** Undefined when all is well, or when there is no certificate. */
export function tlsProblem(
  { certificate, certificateKey }: Pick<ListenOptions, 'certificate' | 'certificateKey'>,
  names: TlsNames,
): TlsProblem | undefined {
  if (certificate === undefined || certificateKey === undefined) return undefined
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(certificate)
  } catch (error) {
    return { option: 'certificate', message: `no certificate can be read from ${names.certificate}: ${reason(error)}` }
  }
  let key: KeyObject
  try {
    key = createPrivateKey(certificateKey)
  } catch (error) {
    const message = /ENCRYPTED/.test(certificateKey)
      ? `the key in ${names.certificateKey} is encrypted; a key without a passphrase is needed`
      : `no private key can be read from ${names.certificateKey}: ${reason(error)}`
    return { option: 'certificateKey', message }
  }
  if (!parsed.checkPrivateKey(key)) {
    return {
      option: 'certificateKey',
      message: `the key in ${names.certificateKey} does not belong to the certificate in ${names.certificate}; the certificate of the server itself has to be the first in its file`,
    }
  }
  try {
    createSecureContext({ cert: certificate, key: certificateKey })
  } catch (error) {
    return { option: 'certificate', message: `the certificate in ${names.certificate} is of no use: ${reason(error)}` }
  }
  return undefined
}

/** `error:0480006C:PEM routines::no start line` → `no start line`. */
function reason(error: unknown): string {
  return (error as Error).message.replace(/^error:[0-9A-F]+:[^:]*:[^:]*:/i, '')
}
