/** Which way to the relay worked on which network, across visits. */
import type { TransportMemory } from '../call/connection.ts'
import { type Networks, readNetworks, withNetwork, withoutNetwork } from '../call/transports.ts'

const KEY = 'earshot.networks'

export interface KnownNetworks extends TransportMemory {
  forgetAll(): void
}

/** `onChange` is told whether there is anything to forget: at once, and when that may have changed. */
export function createNetworks(onChange: (any: boolean) => void): KnownNetworks {
  let networks = load()
  onChange(networks.length > 0)
  return {
    recall: (network) => networks.find((one) => one.network === network)?.transport,
    remember(network, transport) {
      keep(withNetwork(networks, network, transport, Date.now()))
    },
    forget(network) {
      keep(withoutNetwork(networks, network))
    },
    forgetAll() {
      keep([])
    },
  }

  function keep(next: Networks): void {
    networks = next
    onChange(networks.length > 0)
    try {
      if (networks.length === 0) localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, JSON.stringify(networks))
    } catch {
      // The browser keeps no data for this site: it holds for this visit.
    }
  }
}

/** Calls `then` when the browser notices another network, or one again. */
export function onNetworkChange(then: () => void): void {
  addEventListener('online', then)
  const { connection } = navigator
  // Told on phones alone. Elsewhere the event comes with every new estimate of the speed.
  let type = connection?.type
  connection?.addEventListener('change', () => {
    if (connection.type === type) return
    type = connection.type
    then()
  })
}

function load(): Networks {
  try {
    return readNetworks(localStorage.getItem(KEY), Date.now())
  } catch {
    // As above.
    return []
  }
}
