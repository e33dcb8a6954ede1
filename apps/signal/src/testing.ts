/** What the tests share: the worker, with settings of their own, and its callers. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import {
  joinedSchema,
  problemSchema,
  RESUME_HEADER,
  type Joined,
  type Problem,
} from '@earshot/protocol'
import * as v from 'valibot'
import { expect } from 'vitest'
import { app } from './app.ts'
import type { Bindings } from './env.ts'
import { FakeNode, OFFER, type NodeOptions } from './fake-node.ts'
import type { Fleet } from './fleet.ts'

export const NOBODYS_CALL = 'elsewhere-AAAAAAAAAAAAAAAAAAAAAA'

/** The body of an answer; `text()` warns of a media type that is no text. */
export async function sdpOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await response.arrayBuffer())
}

/** The problem code of a refused call, or `201`. */
export async function outcomeOf(response: Response): Promise<string> {
  if (response.status === 201) return '201'
  return v.parse(problemSchema, await response.json()).code
}

/** The problem of a response that must be one. */
export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  const problem = v.parse(problemSchema, await response.json())
  expect(problem.status).toBe(response.status)
  return problem
}

type FleetSettings = Partial<Pick<Fleet, 'now' | 'answerTimeoutMs' | 'homeTimeoutMs'>>

/** A worker with one or more regions, callers and a rate limit that no other test touches. */
export class World {
  /** Eight hexadecimal digits. */
  readonly #id = crypto.randomUUID().slice(0, 8)
  readonly regions: readonly string[]
  readonly bindings: Bindings

  constructor(settings: Partial<Bindings> = {}, regions = ['r']) {
    const names = regions.map((name) => `${name}${this.#id}`)
    this.regions = names
    this.bindings = { ...env, REGIONS: names.join(' '), ...settings }
  }

  /** No two are alike, as those of browsers are not. */
  #freshOffer(): string {
    return `${OFFER}a=ice-ufrag:${crypto.randomUUID().slice(0, 8)}\r\n`
  }

  get #address(): string {
    return `2001:db8:${this.#id.slice(0, 4)}:${this.#id.slice(4)}::1`
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('CF-Connecting-IP', headers.get('CF-Connecting-IP') ?? this.#address)
    const request = new Request(`https://earshot.test${path}`, { ...init, headers })
    return app.fetch(request, this.bindings)
  }

  call(
    headers: Record<string, string> = {},
    body: BodyInit = this.#freshOffer(),
    cf: Record<string, string> = {},
  ): Promise<Response> {
    const all = { 'Content-Type': 'application/sdp', ...headers }
    return this.request('/v1/calls', { method: 'POST', headers: all, body, cf })
  }

  /** Joins as a page does: with a token, to go on with a conversation. */
  async join(token?: string, offer?: string): Promise<Joined> {
    const resume = token === undefined ? {} : { [RESUME_HEADER]: token }
    const response = await this.call({ Accept: 'application/json', ...resume }, offer)
    if (response.status !== 201) throw new Error(await response.text())
    return v.parse(joinedSchema, await response.json())
  }

  /** Hangs up: the status that `DELETE` is answered with. */
  async hangUp({ call }: Pick<Joined, 'call'>): Promise<number> {
    return (await this.request(`/v1/calls/${call}`, { method: 'DELETE' })).status
  }

  /** Changes how the fleet tells the time or how long it waits. */
  async adjust(change: FleetSettings, region?: string): Promise<void> {
    await runInDurableObject(this.fleet(region), (fleet) => void Object.assign(fleet, change))
  }

  fleet(region = this.regions[0] ?? ''): DurableObjectStub<Fleet> {
    return this.bindings.FLEET.get(this.bindings.FLEET.idFromName(region))
  }

  async node(node: string, options: NodeOptions = {}): Promise<FakeNode> {
    const fake = await this.dial(options.hello?.region ?? this.regions[0] ?? '')
    await fake.greet({ node, region: fake.region, ...options.hello })
    if (options.answers !== false) fake.answers()
    return fake
  }

  async dial(region: string): Promise<FakeNode> {
    const response = await this.request(`/v1/nodes?region=${region}`, {
      headers: { Upgrade: 'websocket', Authorization: `Bearer ${this.bindings.NODE_TOKEN}` },
    })
    if (response.webSocket === null) throw new Error(await response.text())
    return new FakeNode(response.webSocket, region)
  }
}

/** A world with one node, and a call on it that is connected. */
export async function talking(seats = 4): Promise<{ world: World; node: FakeNode; first: Joined }> {
  const world = new World()
  const node = await world.node('home', { hello: { seats } })
  const first = await world.join()
  node.send({ type: 'connected', call: first.call })
  await node.heard()
  return { world, node, first }
}

/** What a fleet has written down of its conversations. */
export async function writtenDown(
  world: World,
  region?: string,
): Promise<Record<string, unknown>[]> {
  return runInDurableObject(world.fleet(region), (_fleet, { storage }) =>
    storage.sql.exec('SELECT * FROM conversations').toArray(),
  )
}
