/**
 * A name server in a host of the lab: it knows the names that its parent sends, and that no other
 * exists. It ends with its parent.
 */
import { createSocket } from 'node:dgram'
import * as v from 'valibot'
import { answerTo } from './names-packet.ts'

const table = v.record(v.string(), v.array(v.string()))
let names: v.InferOutput<typeof table> = {}

const socket = createSocket('udp4')
socket.on('message', (query, from) => {
  const answer = answerTo(query, names)
  if (answer !== undefined) socket.send(answer, from.port, from.address)
})
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
process.on('disconnect', () => process.exit(0))
socket.bind(53, '127.0.0.1', () => {
  process.on('message', (data) => {
    names = v.parse(table, data)
    process.send?.('known')
  })
  process.send?.('open')
})
