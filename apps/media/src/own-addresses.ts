/** Are the addresses that calls bind to really on this machine? */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { ConfigError } from './config.ts'

/**
 * Opens a UDP socket on each, and closes it. A node that could open none would answer no call, which is
 * better said at its start. @throws {ConfigError} with the remedy.
 */
export async function checkOwnAddresses(addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    try {
      socket.bind(0, address)
      await once(socket, 'listening')
    } catch (error) {
      throw new ConfigError(
        `MEDIA_ADDRESSES names ${address}, which this machine has not (${(error as NodeJS.ErrnoException).code}): ` +
          'name an address of its own network card; the public one of a 1:1 NAT goes into MEDIA_PUBLIC_ADDRESS',
        { cause: error },
      )
    } finally {
      socket.close()
    }
  }
}
