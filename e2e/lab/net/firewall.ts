/** What the caller's router lets through, as nftables rules. */
import { EDGE } from './addresses.ts'
import type { CallerSite, FirewallKind } from './description.ts'

/** Seconds of silence after which `idle-cut-60` forgets a flow. */
export const IDLE_CUT_S = 60

/** Rules of `home`; its interfaces are `lan` (caller), `site` (proxy) and `wan`. */
export function homeFirewall(site: CallerSite): string {
  const { nat = 'none', firewall = 'open', addressing = 'v4' } = site
  const isStateful = nat !== 'none' || firewall !== 'open'
  const rules = [
    ...(addressing === 'dual-broken-v6' ? ['meta nfproto ipv6 drop'] : []),
    ...(isStateful ? ['ct state invalid drop', 'ct state established,related accept'] : []),
    // What the NAT was told to let in has its destination rewritten by now.
    ...(isStateful ? ['iifname wan ct status dnat accept', 'iifname wan drop'] : []),
    ...outward(firewall),
  ]
  return router(rules)
}

/** A router that lets out everything, and in what was asked for. */
export function statefulFirewall(): string {
  return router([
    'ct state invalid drop',
    'ct state established,related accept',
    'iifname wan ct status dnat accept',
    'iifname wan drop',
  ])
}

/** Lets nothing of this interface pass, and says so to nobody. Without one: nothing at all. */
export function cutRules(via?: string): string {
  const rules = via === undefined ? ['drop'] : [`iifname ${via} drop`, `oifname ${via} drop`]
  return `table inet cut {
  chain forward {
    type filter hook forward priority -400
    ${rules.join('\n    ')}
  }
}`
}

// --- the parts ---

function outward(firewall: FirewallKind): string[] {
  const web = 'tcp dport { 80, 443 } accept'
  switch (firewall) {
    case 'open':
    case 'idle-cut-60':
      return []
    case 'udp-blocked':
      return ['meta l4proto udp drop']
    case 'web-only':
      return [web, 'drop']
    case 'page-only':
      return [`ip daddr ${EDGE.v4} ${web}`, `ip6 daddr ${EDGE.v6} ${web}`, 'drop']
    case 'proxy-only':
      return [
        `iifname site oifname wan ${web}`,
        'iifname lan oifname site meta l4proto tcp accept',
        'drop',
      ]
    default:
      return firewall satisfies never
  }
}

function router(forward: readonly string[]): string {
  return `table inet firewall {
  chain forward {
    type filter hook forward priority filter
    ${forward.join('\n    ')}
  }
  chain input {
    type filter hook input priority filter
    iifname wan meta l4proto { tcp, udp } drop
  }
}`
}
