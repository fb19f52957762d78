import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from './certificates.js'
import type { Launched } from './process.js'
import { Wire } from './wire.js'

/** Why tests with certificates cannot run here, or false. */
export const noOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl on this machine'

/** Why tests with IPv6 cannot run here, or false. */
export const noIPv6: string | false = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
  ? false
  : 'there is no IPv6 on this machine'

/** Writes a certificate and its key to a folder; returns the lines of `[LISTEN]` that name them. */
export function writeCertificate(folder: string, { cert, key }: Certificate, name = 'tls'): string {
  writeFileSync(join(folder, `${name}.crt`), cert)
  writeFileSync(join(folder, `${name}.key`), key)
  return `Certificate ${name}.crt\nCertificateKey ${name}.key\n`
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** The port that a command says it listens at. */
export async function portOf(launched: Launched): Promise<number> {
  return Number(new URL(await launched.listening()).port)
}

/** A raw connection to a command. */
export async function wireTo(launched: Launched): Promise<Wire> {
  return Wire.connect(await portOf(launched))
}
