import { createServer } from 'node:http'
import type { Metrics } from './metrics.ts'

export interface HttpOptions {
  readonly host: string
  readonly port: number
  readonly metrics: Metrics
  /** True when the node can take calls: it is linked to its fleet and not draining. */
  readonly healthy: () => boolean
  /** Ends the server. */
  readonly signal: AbortSignal
}

/** `/healthz` (200 or 503) and `/metrics`. Resolves when it listens; rejects when the port is taken. */
export function startHttp({ host, port, metrics, healthy, signal }: HttpOptions): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/healthz') {
      const ok = healthy()
      response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status: ok ? 'ok' : 'not linked to the fleet, or draining' }))
    } else if (request.url === '/metrics') {
      metrics.text().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    } else {
      response.writeHead(404).end()
    }
  })
  signal.addEventListener('abort', () => {
    server.close()
    server.closeAllConnections()
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}
