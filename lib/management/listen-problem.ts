import { formatManagementAddress, type ManagementAddress } from './options.js'

/** Why the address could not be opened, in words for whoever starts the proxy. */
export function listenProblem(address: ManagementAddress, error: unknown): Error {
  const where = formatManagementAddress(address)
  const { code, message } = error as NodeJS.ErrnoException
  return new Error(`the management API cannot listen on ${where}: ${reason(address, code) ?? message}`, {
    cause: error,
  })
}

function reason({ host, port, socketPath }: ManagementAddress, code: string | undefined): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return socketPath === undefined
        ? `the address is in use; take another port, or "ss -ltnp sport = :${port}" shows by which process`
        : 'the file exists; another process listens there, or one that died has left it behind'
    case 'EACCES':
      return 'permission denied'
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${host}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address is known for the name ${host}`
    case 'ENOENT':
      return 'its folder does not exist'
    default:
      return undefined
  }
}
