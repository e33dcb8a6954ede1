/** The whole route table. */
import { Hono, type Context, type MiddlewareHandler } from 'hono'
import { accepts } from 'hono/accepts'
import { cors } from 'hono/cors'
import { ATTEMPT_HEADER, regionOf, RESUME_HEADER } from '@earshot/protocol'
import { anyReady, callerPosition, fleetOf, mintCallId, placeCall, reachNode } from './calls.ts'
import { readSettings, type Bindings, type Settings } from './env.ts'
import { Failure, problemResponse } from './failure.ts'
import { callerAddress, checkOrigin, checkRate, isToken, readOffer } from './guards.ts'
import { iceConfiguration, joinedResponse } from './join-response.ts'
import { log, reasonOf } from './log.ts'
import { networkName } from './network.ts'
import { regionOrder } from './regions.ts'
import { turnCredentials } from './turn-credentials.ts'

interface AppEnv {
  Bindings: Bindings
  Variables: { settings: Settings }
}

export const app = new Hono<AppEnv>()

const configured: MiddlewareHandler<AppEnv> = async (c, next) => {
  const result = readSettings(c.env)
  if (!result.ok) throw new Failure('misconfigured', `${result.problems.join('. ')}.`)
  c.set('settings', result.settings)
  await next()
}

const ownPages: MiddlewareHandler<AppEnv> = async (c, next) => {
  checkOrigin(c.req.raw, c.var.settings.allowedOrigins)
  await next()
}

/** Only pages of ALLOWED_ORIGINS need it; the page that the worker serves is of the same origin. */
const allowedPages = cors({
  origin: (origin, c: Context<AppEnv>) =>
    c.var.settings.allowedOrigins.includes(origin) ? origin : null,
  allowMethods: ['GET', 'POST', 'DELETE'],
  allowHeaders: ['Content-Type', RESUME_HEADER, ATTEMPT_HEADER],
  exposeHeaders: ['Location', 'Link', 'Retry-After', RESUME_HEADER],
  maxAge: 7200,
})

const seldom: MiddlewareHandler<AppEnv> = async (c, next) => {
  await checkRate(c.req.raw, c.env.CALL_LIMIT)
  await next()
}

app.use('/v1/*', configured)
app.use('/v1/calls/*', ownPages, allowedPages)
app.use('/v1/ice-servers', ownPages, allowedPages)

/**
 * Places a call (WHIP, RFC 9725). The body is an SDP offer; the answer is `201` with `Location`,
 * the ICE servers in `Link`, and the SDP answer as body, or, with `Accept: application/json`, the
 * protocol's `joinedSchema`, which holds the same and more without headers to parse.
 *
 * `Earshot-Resume` in the request goes on with the conversation of a call that was lost; in the
 * response it is the token to do so with the next time.
 */
app.post('/v1/calls', seldom, async (c) => {
  const offer = await readOffer(c.req.raw)
  const back = { token: c.req.header(RESUME_HEADER), attempt: c.req.header(ATTEMPT_HEADER) }
  const placed = await placeCall(c.env.FLEET, regionsFor(c), offer, back)
  const { call, sdp: answer, resume, resumed } = placed
  const configuration = iceConfiguration(placed, await credentialsFor(c, call))
  const network = await networkName(c.var.settings.turnSecret, callerAddress(c.req.raw))
  const format = accepts(c, {
    header: 'Accept',
    supports: ['application/sdp', 'application/json'],
    default: 'application/sdp',
  })
  const joined = { call, answer, configuration, resume, resumed, ...(network && { network }) }
  return joinedResponse(joined, format)
})
app.all('/v1/calls', methodNotAllowed('POST, OPTIONS'))

/** Ends a call. Its id is the capability to do so. */
app.delete('/v1/calls/:id', async (c) => {
  const call = c.req.param('id')
  const region = regionOf(call)
  const known = c.var.settings.regions.some(({ name }) => name === region)
  if (region === undefined || !known || !(await fleetOf(c.env.FLEET, region).endCall(call))) {
    throw new Failure('call-not-found', 'It has ended already, or was never placed here.')
  }
  log('info', 'call.deleted', { call, region })
  return c.body(null, 200)
})
app.all('/v1/calls/:id', methodNotAllowed('DELETE, OPTIONS'))

/** The ICE servers of the node that a call would get now, as `RTCPeerConnection` takes them. */
app.get('/v1/ice-servers', seldom, async (c) => {
  const reach = await reachNode(c.env.FLEET, regionsFor(c))
  const credentials = await credentialsFor(c, mintCallId(reach.region))
  return c.json(iceConfiguration(reach, credentials), 200, { 'Cache-Control': 'no-store' })
})
app.all('/v1/ice-servers', methodNotAllowed('GET, HEAD, OPTIONS'))

/** A media node dials in: `?region=`, WebSocket, `Authorization: Bearer <node token>`. */
app.get('/v1/nodes', async (c) => {
  const [, token = ''] = /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '') ?? []
  const { nodeToken, regions } = c.var.settings
  if (!(await isToken(token, nodeToken))) {
    const detail = 'Send the NODE_TOKEN of this worker as Authorization: Bearer.'
    throw new Failure('unauthorized', detail, { 'WWW-Authenticate': 'Bearer' })
  }
  const region = c.req.query('region') ?? ''
  const names = regions.map(({ name }) => name)
  if (!names.includes(region)) {
    const detail = `There is no such region. REGIONS of this worker has: ${names.join(', ')}.`
    throw new Failure('not-found', detail)
  }
  if (c.req.header('Upgrade')?.toLowerCase() !== 'websocket') {
    throw new Failure('upgrade-required', 'Connect with a WebSocket.', { Upgrade: 'websocket' })
  }
  // The token has done its work and goes no further.
  return fleetOf(c.env.FLEET, region).fetch(c.req.url, { headers: { Upgrade: 'websocket' } })
})
app.all('/v1/nodes', methodNotAllowed('GET'))

/** `ready`: a call could be placed now. */
app.get('/v1/health', async (c) => {
  const ready = await anyReady(c.env.FLEET, regionsFor(c))
  return c.json({ status: 'ok', ready }, 200, { 'Cache-Control': 'no-store' })
})
app.all('/v1/health', methodNotAllowed('GET, HEAD'))

// The page and its files are answered before the worker is asked.
app.notFound(() => problemResponse(new Failure('not-found', 'The addresses here start with /v1/.')))

app.onError((thrown, c) => {
  const { method, path } = c.req
  if (thrown instanceof Failure) {
    const { code, detail } = thrown
    if (code === 'misconfigured') log('error', 'worker.misconfigured', { detail })
    else log('info', 'request.refused', { method, path, code })
    return problemResponse(thrown)
  }
  log('error', 'request.failed', { method, path, reason: reasonOf(thrown) })
  return problemResponse(new Failure('internal', 'Try again; it has been written to the log.'))
})

function methodNotAllowed(allow: string): () => never {
  return () => {
    throw new Failure('method-not-allowed', `It takes ${allow}.`, { Allow: allow })
  }
}

function regionsFor(c: Context<AppEnv>): readonly string[] {
  return regionOrder(c.var.settings.regions, callerPosition(c.req.raw))
}

function credentialsFor(c: Context<AppEnv>, call: string): ReturnType<typeof turnCredentials> {
  const { turnSecret, turnTtlSeconds } = c.var.settings
  return turnCredentials(turnSecret, call, turnTtlSeconds, Date.now())
}
