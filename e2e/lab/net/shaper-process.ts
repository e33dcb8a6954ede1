/**
 * Holds the frames of the shaped path. It runs in a namespace of its own, where two `socat`, its
 * children, bring each frame of a TAP interface as a datagram and take datagrams back. The parent
 * moves the interfaces to where they belong, and sends shapes. It ends with its parent.
 */
import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import * as v from 'valibot'
import { Holder } from './holder.ts'
import { Lane, randomFrom, type LaneShape } from './lane.ts'

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const shape = v.object({
  delayMs: v.number(),
  lossShare: share,
  burstPackets: v.number(),
  bitsPerMs: v.number(),
  queueMs: v.number(),
  reorderShare: share,
  reorderMs: v.number(),
  duplicateShare: share,
})
const message = v.object({ up: shape, down: shape })

const NONE: LaneShape = {
  delayMs: 0,
  lossShare: 0,
  burstPackets: 1,
  bitsPerMs: 0,
  queueMs: 0,
  reorderShare: 0,
  reorderMs: 0,
  duplicateShare: 0,
}
const ENDS = { access: { ours: 4001, theirs: 5001 }, internet: { ours: 4002, theirs: 5002 } }
const BUFFER_BYTES = 4 << 20

const up = new Lane(NONE, randomFrom(1))
const down = new Lane(NONE, randomFrom(2))

async function main(): Promise<void> {
  process.on('message', (data) => {
    const shapes = v.parse(message, data)
    up.shape = shapes.up
    down.shape = shapes.down
    process.send?.('shaped')
  })
  process.on('disconnect', () => process.exit(0))
  // The sockets first: a socat whose datagram is refused ends.
  const [access, internet] = await Promise.all([open('access'), open('internet')])
  join(access, internet, up)
  join(internet, access, down)
  startSocat('access')
  startSocat('internet')
  process.send?.('open')
}

function join(from: Socket, to: Socket, lane: Lane): void {
  const holder = new Holder<Uint8Array>((frame) => to.send(frame))
  from.on('message', (frame) => {
    const now = performance.now()
    for (const at of lane.admit(now, frame.length)) holder.hold(frame, at, now)
  })
}

function open(end: keyof typeof ENDS): Promise<Socket> {
  const socket = createSocket({ type: 'udp4' })
  // Until its socat is there, what is sent to it is refused: no frame is worth an end.
  socket.on('error', () => {})
  return new Promise((resolve) => {
    socket.bind(ENDS[end].ours, '127.0.0.1', () => {
      socket.setRecvBufferSize(BUFFER_BYTES)
      socket.setSendBufferSize(BUFFER_BYTES)
      socket.connect(ENDS[end].theirs, '127.0.0.1', () => resolve(socket))
    })
  })
}

/** The interface is called as its end of the path is, until the parent moves it there. */
function startSocat(end: keyof typeof ENDS): void {
  const { ours, theirs } = ENDS[end]
  const tap = `TUN,tun-type=tap,tun-name=${end},iff-no-pi`
  const datagrams = `UDP4:127.0.0.1:${ours},bind=127.0.0.1:${theirs},rcvbuf=${BUFFER_BYTES}`
  const child = spawn('socat', [tap, datagrams], { stdio: ['ignore', 'ignore', 'inherit'] })
  process.on('exit', () => child.kill('SIGKILL'))
  child.on('exit', (code, signal) => {
    process.stderr.write(`socat of ${end} ended: ${signal ?? code}\n`)
    process.exit(1)
  })
}

await main()
