/** What a Node process truly holds: its memory after a full garbage collection, asked over the inspector. */
import { WebSocket } from 'ws'

export interface Held {
  /** MB of live JavaScript objects. */
  readonly heap: number
  /** MB outside the heap: buffers and WebAssembly memory. */
  readonly external: number
}

/** `port`: what the process was given in `--inspect=127.0.0.1:<port>`. */
export async function memoryHeld(port: number): Promise<Held> {
  const targets: unknown = await (await fetch(`http://127.0.0.1:${port}/json`)).json()
  const target: unknown = Array.isArray(targets) ? targets[0] : undefined
  if (!isTarget(target)) throw new Error('the process has no inspector')
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  await new Promise((resolve) => socket.once('open', resolve))
  try {
    await ask(socket, 1, 'HeapProfiler.enable')
    await ask(socket, 2, 'HeapProfiler.collectGarbage')
    const reply = await ask(socket, 3, 'Runtime.evaluate', {
      expression: 'JSON.stringify(process.memoryUsage())',
    })
    const usage: unknown = JSON.parse(String(valueOf(reply)))
    if (typeof usage !== 'object' || usage === null) throw new Error('no memory usage came back')
    const { heapUsed, external } = { heapUsed: Number.NaN, external: Number.NaN, ...usage }
    return { heap: heapUsed / 2 ** 20, external: external / 2 ** 20 }
  } finally {
    socket.close()
  }
}

function ask(socket: WebSocket, id: number, method: string, params = {}): Promise<unknown> {
  return new Promise((resolve) => {
    const onMessage = (data: Buffer): void => {
      const message: unknown = JSON.parse(data.toString('utf8'))
      if (typeof message !== 'object' || message === null) return
      if (!('id' in message) || message.id !== id) return
      socket.off('message', onMessage)
      resolve('result' in message ? message.result : undefined)
    }
    socket.on('message', onMessage)
    socket.send(JSON.stringify({ id, method, params }))
  })
}

function valueOf(reply: unknown): unknown {
  const { result } = reply as { result?: { value?: unknown } }
  return result?.value
}

function isTarget(value: unknown): value is { webSocketDebuggerUrl: string } {
  return typeof value === 'object' && value !== null && 'webSocketDebuggerUrl' in value
}
