/** The fleet's end of a node's link, without the worker: passes offers to one node and answers back. */
import { parseFromNode, PING, PONG, type ToNode } from '@earshot/protocol'
import { WebSocketServer, type WebSocket } from 'ws'

export interface BenchFleet {
  /** For a media node's `FLEET_URL`. */
  readonly url: string
  /** The node's answer; rejects when the node refuses. */
  offer(call: string, sdp: string): Promise<string>
  close(): void
}

export async function startBenchFleet(port: number): Promise<BenchFleet> {
  const server = new WebSocketServer({ host: '127.0.0.1', port })
  const waiting = new Map<string, { resolve(sdp: string): void; reject(error: Error): void }>()
  let node: WebSocket | undefined
  server.on('connection', (socket) => {
    node = socket
    socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8')
      if (text === PING) return socket.send(PONG)
      const frame = parseFromNode(text)
      if (frame?.type === 'hello') tell({ type: 'welcome' })
      if (frame?.type === 'answer') waiting.get(frame.call)?.resolve(frame.sdp)
      if (frame?.type === 'refuse') waiting.get(frame.call)?.reject(new Error(frame.detail))
      return undefined
    })
  })
  await new Promise((resolve) => {
    server.once('listening', resolve)
  })
  const tell = (frame: ToNode): void => node?.send(JSON.stringify(frame))
  return {
    url: `ws://127.0.0.1:${port}`,
    offer: (call, sdp) =>
      new Promise((resolve, reject) => {
        waiting.set(call, { resolve, reject })
        tell({ type: 'offer', call, sdp, conversation: call })
      }),
    close: () => server.close(),
  }
}
