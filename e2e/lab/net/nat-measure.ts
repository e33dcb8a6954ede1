/** What a caller's NAT does, found out from inside the lab with plain UDP sockets (RFC 4787). */
import { EDGE } from './addresses.ts'
import type { Lab } from './lab.ts'
import { Sockets, type Datagram, type Endpoint } from './sockets.ts'

/** On what an external port, or the right to answer, depends. */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'

export interface NatBehaviour {
  /** The caller has one external address and port for all; or one for each address; or more. */
  readonly mapping: Dependence
  /** Anyone may send to it; or addresses that it has sent to; or only their very ports. */
  readonly filtering: Dependence
  /** As the last destination saw the caller. */
  readonly seen: Endpoint
}

const MAPPED_PORT = 5000
const FILTERED_PORT = 5001
/** An address of its own at the VM's end would do as well; the edge is another one. */
const PORTS = { first: 6000, second: 6001 }

/**
 * `waitMs`: how long a packet may be on its way before it counts as filtered. Throws when the caller
 * cannot send UDP to the internet at all.
 */
export async function measureNat(
  lab: Lab,
  vm: Endpoint['address'],
  waitMs = 300,
): Promise<NatBehaviour> {
  const hosts = (['caller', 'vm', 'edge'] as const).map((host) => new Sockets(lab, host))
  const [caller, near, far] = hosts
  if (caller === undefined || near === undefined || far === undefined) throw new Error('No sockets')
  try {
    await Promise.all([
      caller.bind(MAPPED_PORT),
      caller.bind(FILTERED_PORT),
      near.bind(PORTS.first),
      near.bind(PORTS.second),
      far.bind(PORTS.first),
    ])
    const seenBy = async (
      from: number,
      at: Sockets,
      address: string,
      port: number,
    ): Promise<Endpoint> => {
      await caller.send(from, { address, port }, 'who am I?')
      return arrived(await at.next(port, waitMs)).from
    }
    const first = await seenBy(MAPPED_PORT, near, vm, PORTS.first)
    const otherPort = await seenBy(MAPPED_PORT, near, vm, PORTS.second)
    const otherAddress = await seenBy(MAPPED_PORT, far, EDGE.v4, PORTS.first)

    const opened = await seenBy(FILTERED_PORT, near, vm, PORTS.first)
    const isLetIn = async (from: Sockets, port: number): Promise<boolean> => {
      await from.send(port, opened, 'may I?')
      return (await caller.next(FILTERED_PORT, waitMs)) !== undefined
    }
    // The one that was sent to may always answer: else nothing that follows would mean anything.
    if (!(await isLetIn(near, PORTS.first)))
      throw new Error('Not even an answer reaches the caller')
    return {
      mapping: dependence(same(first, otherPort), same(first, otherAddress)),
      filtering: dependence(await isLetIn(near, PORTS.second), await isLetIn(far, PORTS.first)),
      seen: otherAddress,
    }
  } finally {
    for (const sockets of hosts) sockets.close()
  }
}

// --- the parts ---

function dependence(forOtherPort: boolean, forOtherAddress: boolean): Dependence {
  if (forOtherAddress) return 'endpoint-independent'
  return forOtherPort ? 'address-dependent' : 'address-and-port-dependent'
}

function same(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port
}

function arrived(datagram: Datagram | undefined): Datagram {
  if (datagram === undefined) throw new Error('No UDP from the caller reaches the internet')
  return datagram
}
