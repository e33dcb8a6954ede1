import { expect, it } from 'vitest'
import { ConfigError } from './config.ts'
import { checkOwnAddresses } from './own-addresses.ts'

it('lets addresses of this machine pass', async () => {
  await expect(checkOwnAddresses(['127.77.0.60', '127.77.0.61'])).resolves.toBeUndefined()
})

it('refuses an address that a 1:1 NAT holds, and says where it belongs', async () => {
  const refused = checkOwnAddresses(['127.77.0.60', '203.0.113.10'])
  await expect(refused).rejects.toThrow(ConfigError)
  await expect(refused).rejects.toThrow(/203\.0\.113\.10.*EADDRNOTAVAIL.*MEDIA_PUBLIC_ADDRESS/)
})

it('refuses an IPv6 address that this machine has not, or has no use for', async () => {
  await expect(checkOwnAddresses(['2001:db8::1'])).rejects.toThrow(
    /2001:db8::1, which this machine/,
  )
})
