/**
 * The packages of gRPC. They are optional: they are loaded when a registry is configured, and nobody else needs them.
 */

import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { messageOf } from '../config/section.js'
import { etcdApi } from './etcd-api.js'
import { RegistryError } from './registry.js'

type Grpc = typeof import('@grpc/grpc-js')
type Methods = import('@grpc/proto-loader').PackageDefinition

/** What it takes to connect. */
export interface EtcdSettings {
  readonly secure: boolean
  /** In PEM; undefined: what Node trusts. */
  readonly ca: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly user: string | undefined
  readonly password: string | undefined
}

/** The packages of gRPC, loaded. */
export interface GrpcPackages {
  readonly grpc: Grpc
  readonly methods: Methods
}

/**
 * Loads the packages of gRPC.
 *
 * @throws RegistryError that says how to install them.
 */
export async function loadGrpc(): Promise<GrpcPackages> {
  try {
    const [grpc, loader] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')])
    const methods = loader.fromJSON(etcdApi, { longs: String, enums: String, defaults: true, oneofs: false })
    return { grpc: grpc.default ?? grpc, methods }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new RegistryError(
      'Registry needs two packages that are not installed: npm install @grpc/grpc-js @grpc/proto-loader',
    )
  }
}

/** @throws RegistryError where certificate and key are none, or not of each other. */
export function checkCertificates({ secure, ca, certificate: cert, key }: EtcdSettings): void {
  if (!secure) return
  try {
    createSecureContext({ ca, cert, key })
  } catch (error) {
    const reason = messageOf(error).replace(/^error:\w+:[^:]*:\w*:/, '')
    throw new RegistryError(`RegistryCA, RegistryCertificate or RegistryKey cannot be used: ${reason}`)
  }
}

export function credentialsOf({ credentials }: Grpc, settings: EtcdSettings, host: string): ChannelCredentials {
  const { secure, ca, certificate, key } = settings
  if (!secure) return credentials.createInsecure()
  const [authority, own, ownKey] = [ca, certificate, key].map((pem) => (pem ? Buffer.from(pem, 'latin1') : null))
  return credentials.createSsl(authority, ownKey, own, {
    checkServerIdentity: (_, peer) => checkServerIdentity(host, peer as PeerCertificate),
  })
}

/** Without what gRPC says of its own inside. */
export function plainDetails(details: string): string {
  return (
    details
      .replace(/^No connection established\. Last error: (?:Error: )?/, '')
      .replace(/\.? Resolution note:.*$/s, '')
      // OpenSSL tells in which of its lines it was.
      .replace(/\w+:error:\w+:SSL routines:\w*:([^:]*):.*$/s, '$1')
      .replace(/\s*\(\d{4}-[\d\-T:.]+Z\)/g, '')
      .trim()
      .replace(/^etcdserver: /, '')
  )
}
