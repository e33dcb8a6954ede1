/** The environment, read once and checked whole before anything is opened. */
import { readFileSync, statSync } from 'node:fs'
import { isIP, isIPv4 } from 'node:net'
import { hostname } from 'node:os'
import { MAX_TURN_URLS, regionSchema, secretSchema, turnUrlSchema } from '@earshot/protocol'
import * as v from 'valibot'

export interface Config {
  /** Origin of the worker as a WebSocket URL: `wss://voice.example.org`. */
  readonly fleetUrl: string
  readonly nodeToken: string
  readonly nodeId: string
  readonly region: string
  /** TURN URLs of the relay beside this node, best first; empty when there is none. */
  readonly turnUrls: readonly string[]
  /** Our own addresses, as offered to callers: in relay mode the one on the relay's private bridge. */
  readonly addresses: readonly string[]
  /** The public IPv4 address that a 1:1 NAT holds for ours, offered beside it. */
  readonly publicAddress?: string
  /** Can a browser reach `addresses` without the relay? */
  readonly direct: boolean
  /** UDP ports, inclusive: for each address one a seat, and one more at least. */
  readonly ports: readonly [number, number]
  readonly seats: number
  readonly handler: string
  readonly http: { readonly host: string; readonly port: number }
  readonly logLevel: string
  /** How long calls may go on after SIGTERM, in ms. */
  readonly drainMs: number
}

/** Everything that is wrong with the environment, one line a variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** @throws {ConfigError} with every problem at once; values of secrets are never in it. */
export function readConfig(handlerNames: readonly string[], env = process.env): Config {
  const problems: string[] = []
  const withToken: NodeJS.ProcessEnv = { ...env, NODE_TOKEN: readToken(env, problems) }
  const tokenFileFailed = problems.length > 0
  const parsed = v.safeParse(environmentSchema(handlerNames), withToken)
  if (!parsed.success) {
    for (const issue of parsed.issues) {
      const name = (v.getDotPath(issue) ?? '').split('.')[0] ?? ''
      const missing = withToken[name] === undefined || withToken[name] === ''
      if (name === 'NODE_TOKEN' && tokenFileFailed) continue
      problems.push(`${name} ${missing ? 'is missing' : issue.message}`)
    }
  }
  if (parsed.success) problems.push(...problemsTogether(parsed.output))
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError(
      `the environment is not usable:\n  ${[...new Set(problems)].join('\n  ')}`,
    )
  }
  const e = parsed.output
  return {
    fleetUrl: e.FLEET_URL.replace(/^http/, 'ws').replace(/\/+$/, ''),
    nodeToken: e.NODE_TOKEN,
    nodeId: e.NODE_ID,
    region: e.REGION,
    turnUrls: e.TURN_URLS,
    addresses: e.MEDIA_ADDRESSES,
    ...(e.MEDIA_PUBLIC_ADDRESS !== '' && { publicAddress: e.MEDIA_PUBLIC_ADDRESS }),
    direct: e.MEDIA_DIRECT,
    ports: e.MEDIA_PORTS,
    seats: e.MEDIA_SEATS,
    handler: e.HANDLER,
    http: { host: e.HTTP_HOST, port: e.HTTP_PORT },
    logLevel: e.LOG_LEVEL,
    drainMs: e.DRAIN_SECONDS * 1000,
  }
}

// --- schema ---

const text = (fallback?: string) =>
  v.pipe(
    v.optional(v.string(), fallback ?? ''),
    v.transform((value) => value.trim() || (fallback ?? '')),
  )

const list = v.pipe(
  text(),
  v.transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
)

const wholeNumber = (fallback: number, min: number, max: number) =>
  v.pipe(
    text(String(fallback)),
    v.regex(/^\d+$/, 'must be a whole number'),
    v.transform(Number),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  )

const ports = v.pipe(
  text('40000-40999'),
  v.regex(/^\d{1,5}-\d{1,5}$/, 'must be a range like 40000-40999'),
  v.transform((value): readonly [number, number] => {
    const [low = 0, high = 0] = value.split('-').map(Number)
    return [low, high]
  }),
  v.check(
    ([low, high]) => low >= 1024 && high <= 65_535 && low < high,
    'must lie within 1024-65535, low before high',
  ),
)

function environmentSchema(handlerNames: readonly string[]) {
  return v.object({
    FLEET_URL: v.pipe(
      text(),
      v.regex(
        /^(?:wss?|https?):\/\/[^/\s?#@]+\/?$/,
        "must be the worker's origin, like wss://voice.example.org",
      ),
      v.check((value) => URL.canParse(value), 'is not a URL: look at its host and port'),
    ),
    NODE_TOKEN: secretSchema,
    NODE_ID: v.pipe(
      text(
        `${
          hostname()
            .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
            .slice(0, 40) || 'node'
        }-${process.pid}`,
      ),
      v.regex(
        /^[A-Za-z0-9_.-]{1,64}$/,
        'must be 1-64 letters, digits, dots, dashes or underscores',
      ),
    ),
    REGION: v.pipe(text('global'), regionSchema),
    TURN_URLS: v.pipe(
      list,
      v.maxLength(
        MAX_TURN_URLS,
        `may name at most ${MAX_TURN_URLS} URLs: more slow down every join`,
      ),
      v.array(turnUrlSchema),
    ),
    MEDIA_ADDRESSES: v.pipe(
      list,
      v.minLength(1, 'must name at least one address of this machine'),
      v.array(
        v.pipe(
          v.string(),
          v.check((value) => isIP(value) !== 0, 'must be IP addresses, comma-separated'),
        ),
      ),
      v.check(
        (addresses) => new Set(addresses.map(isIP)).size === addresses.length,
        'may name one IPv4 and one IPv6 address: with more, answers leave from the wrong one',
      ),
    ),
    MEDIA_PUBLIC_ADDRESS: v.pipe(
      text(),
      v.check((value) => value === '' || isIPv4(value), 'must be one IPv4 address'),
    ),
    MEDIA_DIRECT: v.pipe(
      text('false'),
      v.picklist(['true', 'false'], 'must be true or false'),
      v.transform((value) => value === 'true'),
    ),
    MEDIA_PORTS: ports,
    MEDIA_SEATS: wholeNumber(25, 1, 1000),
    HANDLER: v.pipe(
      text('echo'),
      v.picklist(handlerNames, `must be one of ${handlerNames.join(', ')}`),
    ),
    HTTP_HOST: v.pipe(
      text('127.0.0.1'),
      v.check((value) => isIP(value) !== 0, 'must be an IP address'),
    ),
    HTTP_PORT: wholeNumber(9464, 1, 65_535),
    LOG_LEVEL: v.pipe(
      text('info'),
      v.picklist(
        ['debug', 'info', 'warn', 'error', 'silent'],
        'must be debug, info, warn, error or silent',
      ),
    ),
    DRAIN_SECONDS: wholeNumber(0, 0, 86_400),
  })
}

/** What is wrong with settings that are right one by one. */
function problemsTogether(e: v.InferOutput<ReturnType<typeof environmentSchema>>): string[] {
  const problems: string[] = []
  const [low, high] = e.MEDIA_PORTS
  // A caller that is back holds a second port until its old call goes, so full seats need one more.
  const needed = (e.MEDIA_SEATS + 1) * e.MEDIA_ADDRESSES.length
  if (high - low + 1 < needed) {
    problems.push(
      `MEDIA_PORTS has fewer ports than the ${needed} that MEDIA_SEATS calls need, one that is joined again included: ` +
        'widen it or lower MEDIA_SEATS',
    )
  }
  if (e.MEDIA_PUBLIC_ADDRESS !== '') {
    if (!e.MEDIA_DIRECT) {
      problems.push(
        'MEDIA_PUBLIC_ADDRESS is for direct mode, and MEDIA_DIRECT is not true: set that, or leave this out',
      )
    }
    if (!e.MEDIA_ADDRESSES.some(isIPv4)) {
      problems.push(
        'MEDIA_PUBLIC_ADDRESS stands for an IPv4 address, and MEDIA_ADDRESSES has none: name the private one there',
      )
    }
    if (e.MEDIA_ADDRESSES.includes(e.MEDIA_PUBLIC_ADDRESS)) {
      problems.push(
        'MEDIA_PUBLIC_ADDRESS is in MEDIA_ADDRESSES too: name there the address that this machine has itself',
      )
    }
  }
  if (e.TURN_URLS.length === 0 && !e.MEDIA_DIRECT) {
    problems.push(
      'TURN_URLS is empty and MEDIA_DIRECT is not true: no caller could reach this node; set one of them',
    )
  }
  return problems
}

function readToken(env: NodeJS.ProcessEnv, problems: string[]): string | undefined {
  const file = env.NODE_TOKEN_FILE
  if (file === undefined || file === '') return env.NODE_TOKEN
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      problems.push(`NODE_TOKEN_FILE ${file} can be read by others: chmod 600 it`)
      return undefined
    }
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    problems.push(
      `NODE_TOKEN_FILE ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    )
    return undefined
  }
}
