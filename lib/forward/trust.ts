import { BlockList, isIP, isIPv4 } from 'node:net'
import { list } from '../config/lists.js'
import { eachItem, type OptionType, ValueProblem } from '../config/section.js'

/** Whose `X-Forwarded-*` and `Forwarded` headers are believed. */
export interface TrustedPeers {
  /** `address` as Node gives it: undefined or empty for the peer of a Unix socket. */
  trusts(address: string | undefined): boolean
}

/** Addresses, ranges such as `10.0.0.0/8`, and `unix` for the peers of Unix sockets. */
export const trustedPeers: OptionType<readonly string[], TrustedPeers> = list({
  describe: 'addresses or CIDR ranges',
  mayBeEmpty: true,
  resolve: compileTrust,
})

/** An IPv4 address in the form that a socket of both families gives it (RFC 4291 §2.5.5.2). */
const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** Clients write addresses into `X-Forwarded-For` too: what is remembered of them must have an end. */
const rememberedAddresses = 4096

function compileTrust(items: readonly string[]): TrustedPeers {
  const blocks = new BlockList()
  let unix = false
  eachItem(items, (item) => {
    if (item.toLowerCase() === 'unix') unix = true
    else addBlock(blocks, item)
  })
  // The common case costs nothing per request.
  if (items.length === 0) return { trusts: () => false }
  // Asking Node's list costs several microseconds, and the peers of a proxy are few.
  const verdicts = new Map<string, boolean>()
  return {
    trusts(address) {
      if (address === undefined || address === '') return unix
      const known = verdicts.get(address)
      if (known !== undefined) return known
      const verdict = inBlocks(blocks, address)
      if (verdicts.size >= rememberedAddresses) verdicts.clear()
      verdicts.set(address, verdict)
      return verdict
    },
  }
}

function inBlocks(blocks: BlockList, address: string): boolean {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  const plain = mapped.exec(bare)?.[1] ?? bare
  const family = isIP(plain)
  return family !== 0 && blocks.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

function addBlock(blocks: BlockList, item: string): void {
  const [written, bits, ...more] = item.split('/')
  const inner = mapped.exec(written!)?.[1]
  const address = inner ?? written!
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) {
    throw new ValueProblem(`"${item}" is not an IP address, a range such as 10.0.0.0/8, or unix`)
  }
  const family = isIPv4(address) ? 'ipv4' : 'ipv6'
  if (bits === undefined) {
    blocks.addAddress(address, family)
    return
  }
  const longest = family === 'ipv4' ? 32 : 128
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) - (inner === undefined ? 0 : 96) : -1
  if (length < 0 || length > longest) throw new ValueProblem(`bad range "${item}"; "/${bits}" is not a prefix length`)
  blocks.addSubnet(address, length, family)
}
