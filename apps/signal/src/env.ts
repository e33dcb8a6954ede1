/** The worker's environment: its shape, and the one place where it is read. */
import * as v from 'valibot'
import { regionSchema, secretSchema } from '@earshot/protocol'
import type { Fleet } from './fleet.ts'
import type { Region } from './regions.ts'

/** What wrangler.jsonc binds. Secrets and vars may be absent or wrong until `readSettings` says not. */
export interface Bindings {
  readonly FLEET: DurableObjectNamespace<Fleet>
  readonly CALL_LIMIT: RateLimit
  readonly TURN_SECRET?: string
  readonly NODE_TOKEN?: string
  readonly TURN_TTL_SECONDS?: string
  readonly ALLOWED_ORIGINS?: string
  readonly REGIONS?: string
}

export interface Settings {
  /** Shared with coturn; signs TURN credentials. */
  readonly turnSecret: string
  /** What a media node shows to join a fleet. */
  readonly nodeToken: string
  readonly turnTtlSeconds: number
  readonly allowedOrigins: readonly string[]
  readonly regions: readonly Region[]
}

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Bounds on how long TURN credentials may start new relays. */
export const MIN_TURN_TTL_SECONDS = 60
export const MAX_TURN_TTL_SECONDS = 4 * 3600

/** Reads and checks the environment: all of its problems at once, in words, and never a value. */
export function readSettings(env: unknown): SettingsResult {
  const result = v.safeParse(environmentSchema, env)
  const problems = result.success
    ? []
    : result.issues.map((issue) => `${v.getDotPath(issue)} ${issue.message}`)
  if (!result.success) return { ok: false, problems }
  const { TURN_SECRET, NODE_TOKEN, TURN_TTL_SECONDS, ALLOWED_ORIGINS, REGIONS } = result.output
  if (TURN_SECRET === NODE_TOKEN) {
    return { ok: false, problems: ['NODE_TOKEN is the same as TURN_SECRET: generate one for each'] }
  }
  const settings = {
    turnSecret: TURN_SECRET,
    nodeToken: NODE_TOKEN,
    turnTtlSeconds: TURN_TTL_SECONDS,
    allowedOrigins: ALLOWED_ORIGINS,
    regions: REGIONS,
  }
  return { ok: true, settings }
}

// --- the parts ---

const text = v.string('must be text')

const secondsSchema = v.pipe(
  text,
  v.regex(/^\d{1,9}$/, 'must be a whole number of seconds'),
  v.transform((digits) =>
    Math.min(MAX_TURN_TTL_SECONDS, Math.max(MIN_TURN_TTL_SECONDS, Number(digits))),
  ),
)

const originsSchema = v.pipe(
  text,
  v.transform((list) => words(list, ',')),
  v.check(
    (origins) => origins.every((origin) => isOrigin(origin)),
    'must list origins such as https://example.org, without a path, separated by commas',
  ),
)

const regionsSchema = v.pipe(
  text,
  v.transform((list) => words(list, /\s+/).map((word) => parseRegion(word))),
  v.check(
    (regions) => regions.length > 0 && regions.every((region) => region !== undefined),
    'must list names of 1-16 lower-case letters or digits, each with an optional ' +
      '@latitude,longitude, separated by spaces, such as "eu@50.1,8.7 us@39,-77.5"',
  ),
  v.transform((regions) => regions.filter((region) => region !== undefined)),
  v.check(
    (regions) => new Set(regions.map(({ name }) => name)).size === regions.length,
    'names a region twice',
  ),
)

const bindingSchema = v.custom<object>(
  (value) => typeof value === 'object' && value !== null,
  'is not bound: deploy with the wrangler.jsonc of apps/signal',
)

// One problem a name is enough to act on, hence `abortPipeEarly`.
const environmentSchema = v.config(
  v.object(
    {
      FLEET: bindingSchema,
      CALL_LIMIT: bindingSchema,
      TURN_SECRET: v.pipe(text, secretSchema),
      NODE_TOKEN: v.pipe(text, secretSchema),
      TURN_TTL_SECONDS: v.optional(secondsSchema, '3600'),
      ALLOWED_ORIGINS: v.optional(originsSchema, ''),
      REGIONS: v.optional(regionsSchema, 'global'),
    },
    'is missing: set it with `wrangler secret put`, or in the environment of `wrangler dev`',
  ),
  { abortPipeEarly: true },
)

function isOrigin(word: string): boolean {
  const url = URL.parse(word)
  return url !== null && url.origin === word && /^https?:$/.test(url.protocol)
}

function parseRegion(word: string): Region | undefined {
  const match = /^([^@]+)(?:@(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?))?$/.exec(word)
  const [, name, north, east] = match ?? []
  if (!v.is(regionSchema, name)) return undefined
  if (north === undefined || east === undefined) return { name }
  const position = { latitude: Number(north), longitude: Number(east) }
  const onEarth = Math.abs(position.latitude) <= 90 && Math.abs(position.longitude) <= 180
  return onEarth ? { name, position } : undefined
}

function words(list: string, separator: string | RegExp): string[] {
  return list
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
