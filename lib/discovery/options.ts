import { pemFile } from '../config/files.js'
import type { Contradiction, OptionTable } from '../config/section.js'
import { messageOf, ValueProblem } from '../config/section.js'
import { optional, scalar } from '../config/types.js'
import { parseRegistryAddress, type RegistryAddress } from './registry-url.js'

/** Where pools are shared among machines: the public form. */
export interface RegistryConfig {
  /** `etcd://[USER:PASSWORD@]HOST:2379[,HOST:2379]/PREFIX`, `etcds://` for TLS, or false. Default: false. */
  registry?: string | false
  /** What signs the registry's certificate: a file in PEM, or its text. Default: what Node trusts. */
  registryCA?: string | false
  /** The certificate that is shown to the registry: a file in PEM, or its text. Default: none. */
  registryCertificate?: string | false
  /** The key of `registryCertificate`: a file in PEM, or its text. */
  registryKey?: string | false
}

/** Where pools are shared among machines. */
export interface RegistryOptions {
  /** Undefined: they are not. */
  readonly registry: RegistryAddress | undefined
  /** In PEM; undefined: what Node trusts. */
  readonly registryCA: string | undefined
  readonly registryCertificate: string | undefined
  readonly registryKey: string | undefined
}

/** The keys of `[CLUSTER]` that are about the registry. */
export const registryTable: OptionTable<RegistryConfig, RegistryOptions> = {
  registry: {
    key: 'Registry',
    type: optional(
      scalar<string, RegistryAddress>({
        describe: 'address of an etcd',
        // A bad value is not repeated: it may hold a password.
        fromText(value) {
          parsed(value)
          return value
        },
        resolve: parsed,
      }),
    ),
    scope: 'own',
    doc: 'Pools are [shared](registry.md) among all proxies that name the same etcd and prefix, as in `etcd://10.0.0.1:2379/pointsman`; `etcds:` for TLS, `etcd://USER:PASSWORD@…` for credentials, several hosts with commas.',
    defaultText: 'Off',
  },
  registryCA: {
    key: 'RegistryCA',
    type: optional(pemFile),
    scope: 'own',
    doc: "What signs the registry's certificate, in PEM.",
    defaultText: 'what Node trusts',
  },
  registryCertificate: {
    key: 'RegistryCertificate',
    type: optional(pemFile),
    scope: 'own',
    doc: 'The certificate that is shown to the registry, in PEM.',
    defaultText: 'none',
  },
  registryKey: {
    key: 'RegistryKey',
    type: optional(pemFile),
    scope: 'own',
    doc: 'The key of `RegistryCertificate`, in PEM.',
    defaultText: 'none',
  },
}

/** What does not go together. */
export function registryContradictions(options: RegistryOptions): readonly Contradiction[] {
  const { registry, registryCA, registryCertificate, registryKey } = options
  if (registryCertificate !== undefined && registryKey === undefined) {
    return [{ option: 'registryCertificate', message: 'RegistryCertificate needs RegistryKey' }]
  }
  if (registryKey !== undefined && registryCertificate === undefined) {
    return [{ option: 'registryKey', message: 'RegistryKey needs RegistryCertificate' }]
  }
  if (registryCA === undefined && registryCertificate === undefined) return []
  if (registry?.secure === true) return []
  const option = registryCA === undefined ? 'registryCertificate' : 'registryCA'
  return [{ option, message: 'certificates need a Registry with TLS, as in etcds://10.0.0.1:2379/pointsman' }]
}

function parsed(value: string): RegistryAddress {
  try {
    return parseRegistryAddress(value)
  } catch (error) {
    throw new ValueProblem(messageOf(error))
  }
}
