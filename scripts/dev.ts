/**
 * `pnpm dev`: the worker with the page, a media node and, where coturn is installed, the relay.
 * Everything is made fresh for the run and ends with it. `--handler NAME` picks what answers.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { runLifetime } from './dev/lifetime.ts'
import { printer } from './dev/log.ts'
import { reloadedMedia } from './dev/media-reload.ts'
import { hasCoturn, lanAddresses, portProblems, readPlan } from './dev/preflight.ts'
import type { Plan } from './dev/preflight.ts'
import { startEdge } from './stack/edge.ts'
import { LOOPBACK } from './stack/places.ts'
import { freePort } from './stack/ports.ts'
import { PartFailure } from './stack/process.ts'
import type { Part } from './stack/process.ts'
import { startRelay } from './stack/relay.ts'
import { makeSecrets } from './stack/secrets.ts'
import type { RunSecrets } from './stack/secrets.ts'

const say = printer(process.stdout)

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { handler: { type: 'string' } } })
  const withRelay = await hasCoturn()
  const plan = readPlan(process.env, values.handler)
  const problems = await portProblems(plan, withRelay)
  if (problems.length > 0) throw new Error(problems.join('\n'))

  const lifetime = runLifetime()
  lifetime.addEventListener('abort', () => say.ending())
  const secrets = makeSecrets()
  const parts: Part[] = []
  try {
    await run(plan, withRelay, secrets, lifetime, parts)
  } catch (error) {
    if (!lifetime.aborted) throw error
  } finally {
    await Promise.all(parts.map((part) => part.stop()))
    secrets.remove()
  }
}

async function run(
  plan: Plan,
  withRelay: boolean,
  secrets: RunSecrets,
  signal: AbortSignal,
  parts: Part[],
): Promise<void> {
  if (!withRelay) {
    say.note(
      'No coturn here: calls go direct. For the relay: apt-get install coturn, or brew install coturn.',
    )
  }
  say.note('Starting …')
  const edgeStarts = startEdge({
    mode: 'dev',
    port: plan.pagePort,
    secrets,
    onLine: say.edge,
    signal,
  })
  const relayStarts = withRelay
    ? startRelay({
        secretFile: secrets.turnSecretFile,
        runtimeDirectory: secrets.makeDirectory('relay'),
        port: plan.turnPort,
        onLine: say.relay,
        signal,
      })
    : undefined
  // Both are let settle, so that what has started is stopped when the other one has failed.
  const [edgeResult, relayResult] = await Promise.allSettled([edgeStarts, relayStarts])
  if (edgeResult.status === 'fulfilled') parts.push(edgeResult.value.part)
  if (relayResult.status === 'fulfilled' && relayResult.value) parts.push(relayResult.value.part)
  const edge = settled(edgeResult)
  const relay = settled(relayResult)

  // Browsers do not always look at loopback, and a node answers on one address.
  const address = relay === undefined ? (lanAddresses()[0] ?? '127.0.0.1') : LOOPBACK.media
  const [low, high] = plan.mediaPorts
  const media = await reloadedMedia(
    {
      edgeUrl: edge.url,
      tokenFile: secrets.nodeTokenFile,
      turnUrls: relay === undefined ? [] : [relay.urls.udp, relay.urls.tcp],
      addresses: [address],
      direct: relay === undefined,
      ports: plan.mediaPorts,
      // A call takes a port, and one that is joined again a second one until it is connected.
      seats: Math.min(MAX_SEATS, high - low),
      httpPort: await freePort(),
      handler: plan.handler,
      bundle: false,
      onLine: say.media,
      signal,
    },
    say.note,
  )
  try {
    if (!(await edge.nodeLinked())) throw new Error('The worker knows of no media node.')
    say.ready(`http://localhost:${plan.pagePort}/`, plan.handler)
    const watched = [...parts.map((part) => endOf(part)), media.crashed]
    await Promise.race([...watched, once(signal, 'abort')])
  } finally {
    await media.stop()
  }
}

/** Settles only by throwing: the part has ended by itself. */
async function endOf(part: Part): Promise<never> {
  const how = await part.ended
  throw new PartFailure(part.name, `ended (${how})`, part.lastLines())
}

function settled<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

/** Plenty for one developer. */
const MAX_SEATS = 10

const REMEDIES: Readonly<Record<string, string>> = {
  relay: 'The relay is coturn; infra/coturn/README.md names its settings.',
  edge: 'The page and the worker are apps/web and apps/signal; mend what it says and start again.',
  media: 'The media node is apps/media; mend what it says and start again.',
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    say.problem(error instanceof Error ? error.message : String(error))
    if (error instanceof PartFailure) say.problem(REMEDIES[error.part] ?? '')
    process.exit(1)
  },
)
