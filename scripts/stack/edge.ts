/** The edge: the worker and the page on one origin, in workerd. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HERE, ROOT } from './places.ts'
import type { Place } from './places.ts'
import { getFrom } from './probe.ts'
import { startPart, whenReady } from './process.ts'
import type { Part } from './process.ts'
import type { RunSecrets } from './secrets.ts'

export interface EdgeOptions {
  /** 'dev': from the source, by Vite, with hot reload. 'built': what `build` wrote, by wrangler. */
  readonly mode: 'dev' | 'built'
  readonly port: number
  /** Loopback when left out; only when 'built'. */
  readonly place?: Place
  readonly secrets: Pick<RunSecrets, 'turnSecret' | 'nodeToken' | 'makeDirectory'>
  /** Variables of the worker over those of wrangler.jsonc; only when 'built'. */
  readonly vars?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface Edge {
  readonly part: Part
  readonly port: number
  /** `http://<address>:<port>`: the page, and the worker under /v1/. */
  readonly url: string
  /** The worker's own word: true when a media node is linked to it. */
  nodeLinked(): Promise<boolean>
  stop(): Promise<void>
}

/** Starts the edge; ready when the worker answers its health route. Throws `PartFailure`. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { place = HERE } = options
  const state = options.secrets.makeDirectory('edge')
  const part = await startPart({
    name: 'edge',
    command: process.execPath,
    args:
      options.mode === 'dev'
        ? viteArguments(options.port)
        : await wranglerArguments(options, place.address, state),
    cwd: `${ROOT}/apps/web`,
    enter: place.enter,
    env: {
      TURN_SECRET: options.secrets.turnSecret,
      NODE_TOKEN: options.secrets.nodeToken,
      // Nothing is fetched and nothing reported: a run needs no internet.
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_SEND_METRICS: 'false',
      XDG_CONFIG_HOME: state,
      NO_COLOR: '1',
      CI: '1',
    },
    ...(options.onLine && { onLine: options.onLine }),
    ...(options.signal && { signal: options.signal }),
  })
  const url = httpUrl(place.address, options.port)
  const health = (): Promise<{ readonly ready: boolean } | undefined> => readHealth(place, url)
  try {
    await whenReady(part, async () => (await health()) !== undefined, 60_000, options.signal)
  } catch (error) {
    await part.stop()
    throw error
  }
  return {
    part,
    port: options.port,
    url,
    nodeLinked: async () => (await health())?.ready === true,
    stop: () => part.stop(),
  }
}

// --- the parts ---

function viteArguments(port: number): string[] {
  const vite = `${ROOT}/apps/web/node_modules/vite/bin/vite.js`
  return [
    vite,
    '--host',
    HERE.address,
    '--port',
    String(port),
    '--strictPort',
    '--clearScreen',
    'false',
  ]
}

async function wranglerArguments(
  options: EdgeOptions,
  address: string,
  state: string,
): Promise<string[]> {
  const vars = Object.entries(options.vars ?? {}).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ])
  return [
    `${ROOT}/node_modules/wrangler/bin/wrangler.js`,
    'dev',
    '--config',
    await builtConfig(),
    '--ip',
    address,
    '--port',
    String(options.port),
    '--inspector-port',
    '0',
    '--local',
    '--persist-to',
    state,
    '--show-interactive-dev-session=false',
    ...vars,
  ]
}

/** The configuration of the built worker: the build leaves its place where `wrangler deploy` looks. */
async function builtConfig(): Promise<string> {
  const pointer = `${ROOT}/apps/web/.wrangler/deploy/config.json`
  const text = await readFile(pointer, 'utf8').catch(() => {
    throw new Error('The page and the worker are not built: run the build script first.')
  })
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed === 'object' && parsed !== null && 'configPath' in parsed) {
    const config = resolve(pointer, '..', String(parsed.configPath))
    if (existsSync(config)) return config
  }
  throw new Error(`${pointer} names a built worker that is not there: run the build script again.`)
}

async function readHealth(
  place: Place,
  url: string,
): Promise<{ readonly ready: boolean } | undefined> {
  const { status, body } = await getFrom(place, `${url}/v1/health`)
  if (status !== 200) return undefined
  const health: unknown = JSON.parse(body)
  if (typeof health !== 'object' || health === null) return undefined
  return { ready: 'ready' in health && health.ready === true }
}

function httpUrl(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address
  return port === 80 ? `http://${host}` : `http://${host}:${port}`
}
