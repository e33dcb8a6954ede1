/** A call's way from the routes to a node: over the regions, one after another, nearest first. */
import type { Bindings } from './env.ts'
import { Failure } from './failure.ts'
import type { PlaceResult } from './fleet.ts'
import { log, reasonOf } from './log.ts'
import type { Position } from './regions.ts'
import type { NodeReach } from './seats.ts'

/** How long a caller should wait before asking again, in seconds: seats free up by the minute. */
const RETRY_AFTER = { 'Retry-After': '5' }

export interface PlacedCall extends NodeReach {
  readonly call: string
  readonly sdp: string
}

/** A call id of `region`, not to be guessed: it is the capability to end the call. */
export function mintCallId(region: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
  return `${region}-${text.slice(0, 22)}`
}

/**
 * Places a call in the first of `regions` that takes it. Throws the `Failure` that its caller is to
 * be told: every seat taken, no node, or what a node said.
 */
export async function placeCall(
  fleets: Bindings['FLEET'],
  regions: readonly string[],
  sdp: string,
): Promise<PlacedCall> {
  let nodes = false
  for (const region of regions) {
    const call = mintCallId(region)
    const startedAt = Date.now()
    const result = await reachable<PlaceResult>(region, async () =>
      fleetOf(fleets, region).placeCall({ call, sdp }),
    )
    const ms = Date.now() - startedAt
    if (result?.type === 'answered') {
      log('info', 'call.placed', { call, region, node: result.node, ms })
      return { call, sdp: result.sdp, turnUrls: result.turnUrls, direct: result.direct }
    }
    if (result !== undefined && 'node' in result) {
      log('warn', 'call.refused', { call, region, node: result.node, code: result.type, ms })
      throw failureOf(result)
    }
    nodes ||= result?.type === 'full'
  }
  if (nodes) throw new Failure('fleet-full', 'Try again in a few seconds.', RETRY_AFTER)
  throw noNode()
}

/** How to reach a node of the first of `regions` that has one. Throws a `Failure` when none has. */
export async function reachNode(
  fleets: Bindings['FLEET'],
  regions: readonly string[],
): Promise<NodeReach & { readonly region: string }> {
  for (const region of regions) {
    const reach = await reachable(region, () => fleetOf(fleets, region).reach())
    if (reach !== undefined) return { turnUrls: reach.turnUrls, direct: reach.direct, region }
  }
  throw noNode()
}

/** True when some region could take a call now. */
export async function anyReady(
  fleets: Bindings['FLEET'],
  regions: readonly string[],
): Promise<boolean> {
  const answers = await Promise.all(
    regions.map((region) => reachable(region, () => fleetOf(fleets, region).ready())),
  )
  return answers.includes(true)
}

/** The fleet of `region`. */
export function fleetOf(
  fleets: Bindings['FLEET'],
  region: string,
): ReturnType<Bindings['FLEET']['get']> {
  return fleets.get(fleets.idFromName(region))
}

/** Where the request came from, as the network's edge tells it. */
export function callerPosition(request: Request): Position | undefined {
  const { latitude, longitude } = request.cf ?? {}
  if (typeof latitude !== 'string' || typeof longitude !== 'string') return undefined
  const position = { latitude: Number(latitude), longitude: Number(longitude) }
  return Number.isFinite(position.latitude + position.longitude) ? position : undefined
}

/** A fleet that fails (it restarts when the worker is deployed) must not keep callers from the next. */
async function reachable<T>(region: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (thrown) {
    log('error', 'fleet.failed', { region, reason: reasonOf(thrown) })
    return undefined
  }
}

function failureOf(result: Extract<PlaceResult, { node: string }>): Failure {
  switch (result.type) {
    case 'bad-offer':
      return new Failure('malformed-offer', result.detail)
    case 'failed':
      return new Failure('node-failed', result.detail)
    case 'timeout':
      return new Failure('node-timeout', 'Try again: the next attempt may meet another node.')
    case 'answered':
      throw new TypeError('an answered call is no failure')
    default:
      return result satisfies never
  }
}

function noNode(): Failure {
  return new Failure('no-node', 'Start a media node, or wait for it to dial in.', RETRY_AFTER)
}
