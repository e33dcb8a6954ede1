/** Starts the media node and ends it cleanly. */
import { performance } from 'node:perf_hooks'
import { NODE_PROTOCOL_VERSION } from '@earshot/protocol'
import { ConfigError, readConfig } from './config.ts'
import { handlers } from './handlers/index.ts'
import { startHttp } from './http.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { startNodeLink } from './node-link.ts'
import { MediaNode } from './node.ts'
import { createOpusDecoder } from './opus.ts'
import { checkOwnAddresses } from './own-addresses.ts'
import { warmUpPeer } from './peer.ts'
import { Ticker } from './ticker.ts'

const STATUS_MS = 5_000
/** Time for the last words (a hang-up to the page, a close to the fleet) to leave the machine. */
const LAST_WORDS_MS = 150

async function main(): Promise<void> {
  const config = readConfig(Object.keys(handlers))
  const handler = handlers[config.handler]
  if (!handler) throw new ConfigError(`there is no handler ${config.handler}`)
  await checkOwnAddresses(config.addresses)
  const log = createLog(config.logLevel, { node: config.nodeId, region: config.region })
  const stopped = new AbortController()

  const metrics = createMetrics(config.seats, () => node.calls().length)
  const ticker = new Ticker((ms) => metrics.lateness.observe(ms / 1000))
  const node = new MediaNode({
    ...config,
    handlerName: config.handler,
    handler,
    ticker,
    metrics,
    log,
    tellFleet: (frame) => link.send(frame),
  })
  await warmUpPeer()
  createOpusDecoder().close()
  await startHttp({
    ...config.http,
    metrics,
    healthy: () => link.linked() && !node.draining,
    signal: stopped.signal,
  })
  const link = startNodeLink({
    fleetUrl: config.fleetUrl,
    region: config.region,
    token: config.nodeToken,
    hello: () => ({
      type: 'hello',
      version: NODE_PROTOCOL_VERSION,
      node: config.nodeId,
      region: config.region,
      turnUrls: [...config.turnUrls],
      direct: config.direct,
      seats: config.seats,
      calls: node.calls(),
      draining: node.draining,
    }),
    onLinked: () => node.linked(),
    onFrame: (frame) => {
      if (frame.type === 'offer') void node.offer(frame)
      else node.hangUp(frame)
    },
    log,
    signal: stopped.signal,
  })
  const tellStatus = statusTeller((load) =>
    link.send({ type: 'status', load, draining: node.draining }),
  )
  const status = setInterval(tellStatus, STATUS_MS)
  log.info(
    {
      handler: config.handler,
      seats: config.seats,
      addresses: config.addresses,
      publicAddress: config.publicAddress,
      ports: config.ports.join('-'),
      relay: config.turnUrls,
      direct: config.direct,
      http: `${config.http.host}:${config.http.port}`,
    },
    'started',
  )

  let stopping = false
  const stop = async (signal: string): Promise<void> => {
    // A second signal means now.
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal, calls: node.calls().length, graceMs: config.drainMs }, 'stopping')
    const drained = node.drain(config.drainMs)
    tellStatus()
    await drained
    clearInterval(status)
    await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))
    stopped.abort()
    log.info('stopped')
    await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))
    process.exit(0)
  }
  // A promise that the WebRTC library forgot, most likely; the other calls have done nothing wrong.
  process.on('unhandledRejection', (error) => {
    log.error({ error: String(error) }, 'a fault outside any call; the node goes on')
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))
}

/** Tells the share of this process's time that the event loop was busy since it last told. */
function statusTeller(tell: (load: number) => void): () => void {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    tell(performance.eventLoopUtilization(now, last).utilization)
    last = now
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}: another program has the port of HTTP_PORT; set it to a free one`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

main().catch((error: unknown) => {
  process.stderr.write(`media node: ${explain(error)}\n`)
  process.exit(error instanceof ConfigError ? 78 : 1)
})
