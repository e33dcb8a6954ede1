/**
 * Plain UDP and TCP sockets inside a host, driven by the parent's messages: what `sockets.ts`
 * speaks to. It ends with its parent.
 */
import { createSocket, type Socket } from 'node:dgram'
import { get } from 'node:http'
import { connect, createServer } from 'node:net'
import * as v from 'valibot'
import { order, type Answer, type Order } from './socket-messages.ts'

const sockets = new Map<number, Socket>()

function obey(command: Order): void {
  const { id } = command
  const answer = (outcome: string): void => say({ id, outcome })
  switch (command.do) {
    case 'bind':
      bind(command.port, command.address, answer)
      return
    case 'send':
      sockets.get(command.from)?.send(command.text, command.port, command.address, (error) => {
        answer(error === null ? 'ok' : error.message)
      })
      return
    case 'listen':
      createServer((socket) => socket.pipe(socket).on('error', () => {}))
        .on('error', (error) => answer(error.message))
        .listen(command.port, () => answer('ok'))
      return
    case 'connect': {
      const { address, port, timeoutMs } = command
      const socket = connect({ host: address, port, timeout: timeoutMs })
      const end = (outcome: string): void => {
        answer(outcome)
        socket.destroy()
      }
      socket.on('connect', () => end('ok'))
      socket.on('timeout', () => end('no answer'))
      socket.on('error', (error) => end(error.message))
      return
    }
    default: {
      const request = get(command.url, { timeout: command.timeoutMs }, (response) => {
        answer(`${response.statusCode}`)
        response.destroy()
      })
      request.on('timeout', () => request.destroy(new Error('no answer')))
      request.on('error', (error) => answer(error.message))
    }
  }
}

function bind(port: number, address: string, answer: (outcome: string) => void): void {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
  socket.on('error', (error) => answer(error.message))
  socket.on('message', (data, from) => {
    say({ at: port, from: { address: from.address, port: from.port }, text: data.toString() })
  })
  socket.bind(port, address, () => {
    sockets.set(port, socket)
    answer('ok')
  })
}

function say(answer: Answer): void {
  process.send?.(answer)
}

process.on('message', (data) => obey(v.parse(order, data)))
process.on('disconnect', () => process.exit(0))
