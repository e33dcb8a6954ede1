import { expect, it } from 'vitest'
import { EDGE, VM } from './addresses.ts'
import { describeLab } from './describe-lab.ts'
import { Sockets } from './sockets.ts'

const HTTP_SERVER = `require('node:http')
  .createServer((_, response) => response.writeHead(204).end())
  .listen(80, () => console.log('listening'))`

describeLab('probes from a host', { name: 'probes' }, (lab) => {
  it('tell an answer, a refusal and silence apart', async () => {
    const server = lab().spawn('edge', [process.execPath, '-e', HTTP_SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => server.stdout?.once('data', resolve))
    const caller = new Sockets(lab(), 'caller')
    try {
      expect(await caller.get(`http://${EDGE.v4}/`, 2000)).toBe('204')
      expect(await caller.connect({ address: EDGE.v4, port: 80 }, 2000)).toBe('ok')
      expect(await caller.connect({ address: VM.v4, port: 80 }, 2000)).toMatch(/ECONNREFUSED/)
      await lab().cut()
      expect(await caller.get(`http://${EDGE.v4}/`, 200)).toBe('no answer')
      expect(await caller.connect({ address: EDGE.v4, port: 80 }, 200)).toBe('no answer')
      await lab().restore()
      await expect(caller.bind(5000, '203.0.113.99')).rejects.toThrow(/EADDRNOTAVAIL/)
    } finally {
      caller.close()
      server.kill()
    }
    expect(await caller.get(`http://${EDGE.v4}/`, 200)).toMatch(/ended/)
  })
})
