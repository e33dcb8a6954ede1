/** A call's way from the routes to a node: over the regions, one after another, nearest first. */
import { regionOfResume, type Resumed } from '@earshot/protocol'
import { base64url } from './base64url.ts'
import type { Bindings } from './env.ts'
import { Failure } from './failure.ts'
import { log, reasonOf } from './log.ts'
import type { Carried, PlaceRequest, PlaceResult } from './placing.ts'
import { withFirst, type Position } from './regions.ts'
import { hashToken, mintResumeToken } from './resume-token.ts'
import type { NodeReach } from './seats.ts'

/** How long a caller should wait before asking again, in seconds: seats free up by the minute. */
const RETRY_AFTER = { 'Retry-After': '5' }

export interface PlacedCall extends NodeReach {
  readonly call: string
  readonly sdp: string
  /** The token with which its caller may go on when it is lost. */
  readonly resume: string
  readonly resumed: Resumed
}

/** A call id of `region`, not to be guessed: it is the capability to end the call. */
export function mintCallId(region: string): string {
  return `${region}-${base64url(crypto.getRandomValues(new Uint8Array(16)))}`
}

/** What a caller who comes back says, as the headers have it. */
export interface ComingBack {
  readonly token?: string | undefined
  readonly attempt?: string | undefined
}

/**
 * Places a call in the first of `regions` that takes it. With a resume token, the region that keeps
 * the conversation is asked before all others, and what it hands out goes on to the next. A token
 * that is good for nothing is no error: the call begins anew.
 *
 * Throws the `Failure` that its caller is to be told: every seat taken, no node, or what a node said.
 */
export async function placeCall(
  fleets: Bindings['FLEET'],
  regions: readonly string[],
  sdp: string,
  { token = '', attempt = '' }: ComingBack = {},
): Promise<PlacedCall> {
  const home = regions.find((region) => region === regionOfResume(token))
  const hash = home === undefined ? undefined : await hashToken(token)
  // What counts nothing that we know is never too late.
  const count = /^\d{1,9}$/.test(attempt) ? Number(attempt) : Infinity
  let resume: PlaceRequest['resume'] =
    hash === undefined
      ? undefined
      : { type: 'token', hash, attempt: count, repeat: await hashToken(`${token} ${sdp}`) }
  let failure: Failure | undefined
  for (const region of home === undefined ? regions : withFirst(regions, home)) {
    const result = await askRegion(fleets, region, sdp, resume)
    if (result?.type === 'answered') {
      if (resume?.type === 'carried' && home) await handOver(fleets, home, resume)
      const { call, next, turnUrls, direct, resumed } = result
      return { call, sdp: result.sdp, turnUrls, direct, resume: next, resumed }
    }
    const carried = result && 'carried' in result ? result.carried : undefined
    if (result && 'node' in result) {
      failure = failureOf(result)
      // Only for a conversation's sake is a caller who has waited in vain made to wait again.
      if (carried === undefined) break
    } else if (result?.type === 'full') {
      failure ??= new Failure('fleet-full', 'Try again in a few seconds.', RETRY_AFTER)
    }
    // A token means something to the region that gave it alone.
    if (region === home) resume = carried && { type: 'carried', ...carried }
  }
  throw failure ?? noNode()
}

/** Asks one region to take a call, by an id and a resume token of that region. */
async function askRegion(
  fleets: Bindings['FLEET'],
  region: string,
  sdp: string,
  resume: PlaceRequest['resume'],
): Promise<PlaceResult | undefined> {
  const call = mintCallId(region)
  const { token, hash } = await mintResumeToken(region)
  const request: PlaceRequest = { call, sdp, next: token, token: hash, ...(resume && { resume }) }
  const startedAt = Date.now()
  const result = await reachable<PlaceResult>(region, async () =>
    fleetOf(fleets, region).placeCall(request),
  )
  const ms = Date.now() - startedAt
  if (result?.type === 'answered') {
    const { node, resumed } = result
    log('info', 'call.placed', { call: result.call, region, node, resumed, ms })
  } else if (result !== undefined && 'node' in result) {
    log('warn', 'call.refused', { call, region, node: result.node, code: result.type, ms })
  }
  return result
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

/** Tells the region that kept a conversation that another has taken it. */
async function handOver(
  fleets: Bindings['FLEET'],
  region: string,
  carried: Carried,
): Promise<void> {
  await reachable(region, async () => fleetOf(fleets, region).handOver(carried))
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

function failureOf(
  result: Exclude<Extract<PlaceResult, { node: string }>, { type: 'answered' }>,
): Failure {
  switch (result.type) {
    case 'bad-offer':
      return new Failure('malformed-offer', result.detail)
    case 'failed':
      return new Failure('node-failed', result.detail)
    case 'timeout':
      return new Failure('node-timeout', 'Try again: the next attempt may meet another node.')
    case 'superseded':
      return new Failure('node-failed', 'You have joined again or hung up meanwhile.')
    default:
      return result satisfies never
  }
}

function noNode(): Failure {
  return new Failure('no-node', 'Start a media node, or wait for it to dial in.', RETRY_AFTER)
}
