import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** An authority of its own, and what it has signed. */
export interface Certificates {
  readonly ca: string
  /** For `localhost` and 127.0.0.1. */
  readonly localhost: Certificate
  /** For `inner.test` only. */
  readonly inner: Certificate
  /** Of a client. */
  readonly client: Certificate
}

let made: Certificates | undefined

/** Makes them with the openssl command line, once a process. */
export function certificates(): Certificates {
  made ??= make()
  return made
}

function make(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'pointsman-certificates-'))
  const path = (name: string): string => join(directory, name)
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  try {
    openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA')
    const sign = (name: string, subject: string, extension: string): Certificate => {
      writeFileSync(path(`${name}.ext`), extension)
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
      const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial']
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        ...authority,
        '-out',
        `${name}.pem`,
        '-days',
        '2',
        '-extfile',
        `${name}.ext`,
      )
      return { cert: readFileSync(path(`${name}.pem`), 'utf8'), key: readFileSync(path(`${name}.key`), 'utf8') }
    }
    return {
      localhost: sign('localhost', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\n'),
      inner: sign('inner', '/CN=inner.test', 'subjectAltName=DNS:inner.test\n'),
      client: sign('client', '/CN=client', 'extendedKeyUsage=clientAuth\n'),
      ca: readFileSync(path('ca.pem'), 'utf8'),
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}
