/**
 * An HTTP proxy as offices have them: plain requests are fetched, `CONNECT` is for port 443 alone,
 * and nothing else leaves. A program for the lab's proxy host: `proxy.ts <address> <port>`.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

const server = createServer(fetchFor)
server.on('connect', tunnel)
// A broken request is the client's affair; it must not end the proxy.
server.on('clientError', (_error, socket) => socket.destroy())

const [address, port] = process.argv.slice(2)
server.listen(Number(port), address, () => console.log('listening'))

function fetchFor(asked: IncomingMessage, answer: ServerResponse): void {
  const refuse = (): void => {
    if (!answer.headersSent) answer.writeHead(502)
    answer.end()
  }
  if (!asked.url?.startsWith('http://')) return refuse()
  const { method, headers } = asked
  const onward = request(asked.url, { method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(answer)
  })
  onward.on('error', refuse)
  // Whoever no longer waits for the answer is not fetched for any more.
  answer.on('close', () => onward.destroy())
  asked.pipe(onward)
}

function tunnel(asked: IncomingMessage, client: Duplex, head: Buffer): void {
  const [, host, target] = /^\[?([^\]]+)\]?:(\d+)$/.exec(asked.url ?? '') ?? []
  client.on('error', () => client.destroy())
  if (host === undefined || target !== '443') {
    client.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    return
  }
  const far = connect({ host, port: Number(target) }, () => {
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    far.write(head)
    far.pipe(client).pipe(far)
  })
  far.on('error', () => client.destroy())
  client.on('close', () => far.destroy())
}
