/** Who has which address: documentation and private ranges only (RFC 5737, 3849, 1918, 6598). */
import type { Network, Uplink } from './description.ts'

export interface Addresses {
  readonly v4: string
  readonly v6: string
}

/** Where TURN, the worker and the proxy are reached, in every network. */
export const VM: Addresses = { v4: '203.0.113.10', v6: '2001:db8:30::10' }
export const EDGE: Addresses = { v4: '203.0.113.140', v6: '2001:db8:41::10' }
export const PROXY: Addresses = { v4: '192.168.2.10', v6: '2001:db8:3::10' }

/** The private bridge on the VM: the relay's address on it, and the media hosts. */
export const RELAY = '172.30.0.1'
export const MEDIA = '172.30.0.10'
export const MEDIA2 = '172.30.0.11'

/** The VM's private address: behind the cloud's router, or on the first of two NICs. */
export const VM_PRIVATE = '10.0.0.10'

/** IPv4 address that the internet sees of the caller, behind its NATs. */
export const SEEN: Readonly<Record<Uplink, string>> = {
  home: '198.51.100.10',
  mobile: '198.51.100.140',
}

/** What the caller has on its own interfaces: `eth0` to `home`, `wwan0` to `mobile`. */
export function callerAddresses(network: Network, uplink: Uplink = 'home'): Partial<Addresses> {
  const { nat = 'none', addressing = 'v4' } = network.caller ?? {}
  const translated = uplink === 'mobile' ? '10.64.0.10' : '192.168.1.10'
  const v4 = nat === 'none' && uplink === 'home' ? '192.0.2.10' : translated
  const v6 = uplink === 'mobile' ? '2001:db8:2::10' : '2001:db8:1::10'
  if (addressing === 'v4') return { v4 }
  return addressing === 'v6-only' ? { v6 } : { v4, v6 }
}

/** The IPv4 address from which the caller's packets come at the internet's end. */
export function seenAddress(network: Network, uplink: Uplink = 'home'): string {
  if (uplink === 'mobile') return SEEN.mobile
  return (network.caller?.nat ?? 'none') === 'none' ? '192.0.2.10' : SEEN.home
}
