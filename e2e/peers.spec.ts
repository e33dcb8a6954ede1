/** With credentials that the running worker made, the relay reaches media and nothing else. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { iceConfigurationSchema } from '@earshot/protocol'
import { parse } from 'valibot'
import { turnClient } from '../infra/coturn/test/turn-client.ts'
import { LOOPBACK } from '../scripts/stack/places.ts'
import { expect, test } from './fixtures.ts'

const FORBIDDEN = [
  '127.0.0.1',
  '127.77.0.1',
  '127.77.0.11',
  '0.0.0.0',
  '10.0.0.5',
  '100.64.0.1',
  '169.254.169.254',
  '172.17.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '203.0.113.7',
  '8.8.8.8',
  '255.255.255.255',
]

test('peers other than media are refused by the relay', async ({ stack }) => {
  await stack.relay()
  await stack.node({ via: 'udp' })
  const response = await fetch(`${stack.edge.url}/v1/ice-servers`)
  const { iceServers } = parse(iceConfigurationSchema, await response.json())
  const { username = '', credential = '' } = iceServers[0] ?? {}

  const media = await listener(LOOPBACK.media)
  const bystander = await listener(LOOPBACK.listen)
  const client = await turnClient(
    { address: LOOPBACK.listen, port: stack.relayPort },
    { username, credential },
  )
  try {
    expect(await client.allocate()).toBe('ok')

    // The control: the same client, the same way, and media hears it and is heard.
    expect(await client.createPermission(media.endpoint)).toBe('ok')
    client.send(media.endpoint, Buffer.from('to media'))
    await expect.poll(() => media.heard).toEqual(['to media'])
    expect(String(await client.receive(2000))).toBe('heard')

    for (const address of FORBIDDEN) {
      expect(await client.createPermission({ address, port: 53 }), address).toBe(403)
      expect(await client.channelBind({ address, port: 53 }, 0x4000), address).toBe(403)
    }
    client.send(bystander.endpoint, Buffer.from('to a bystander'))
    client.send(media.endpoint, Buffer.from('still working'))
    await expect.poll(() => media.heard).toEqual(['to media', 'still working'])
    expect(bystander.heard).toEqual([])
  } finally {
    await client.close()
    media.socket.close()
    bystander.socket.close()
  }
})

/** A UDP socket that keeps what it hears and says so to the sender. */
async function listener(address: string) {
  const socket: Socket = createSocket('udp4')
  const heard: string[] = []
  socket.on('message', (message, from) => {
    heard.push(message.toString())
    socket.send('heard', from.port, from.address)
  })
  socket.bind(0, address)
  await once(socket, 'listening')
  return { socket, heard, endpoint: { address, port: socket.address().port } }
}
