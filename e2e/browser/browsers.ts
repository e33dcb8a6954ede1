/** Starts a browser whose microphone says what the test wants said. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, firefox, type BrowserContext } from '@playwright/test'
import { encodeWav } from '@earshot/audio'
import { startSoundCard } from '../audio/sound-card.ts'
import { SAMPLE_RATE } from '../audio/speech.ts'
import { captureInPage, serveTap } from './capture.ts'

const CHROMIUM = '/usr/bin/chromium'
const FIREFOX = '/usr/bin/firefox-esr'
const FIREFOX_POLICIES = '/usr/share/firefox-esr/distribution'
const FIREFOX_THERE = fileURLToPath(new URL('firefox-there.ts', import.meta.url))

export type BrowserName = 'chromium' | 'firefox'

export interface TestBrowser {
  readonly context: BrowserContext
  /** To be called when the microphone is being opened: from then on it says its lines. */
  talk(): void
  /**
   * Says 48 kHz mono into the microphone, now; resolves when it has been said. Rejects where the
   * microphone has lines: those of a file cannot be added to.
   */
  say(samples: Int16Array): Promise<void>
  stop(): Promise<void>
}

export interface BrowserOptions {
  /**
   * 48 kHz mono, said once from the moment the microphone opens. Left out: the microphone is silent
   * but for what `say()` is given.
   */
  readonly lines?: Int16Array
  /** False: the person says no to the microphone. */
  readonly mic?: boolean
  /** Another machine than this one to run it on. */
  readonly site?: Site
}

export interface Site {
  /** What goes before a program and its arguments to run it there. */
  readonly enter: readonly string[]
  /** The page's origin, which is to count as a secure one though it is plain http. */
  readonly origin: string
  /** A PEM file: the authority whose certificates are to be trusted there. */
  readonly authority?: string
  /** `http://host:port`: the only way out of the site. */
  readonly proxy?: string
}

/**
 * Playwright would end this process at a signal, and leave behind what was not told: whoever made
 * the other machine has an end of their own, which ends the browser too.
 */
const DEAF = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false }

export function startBrowser(name: BrowserName, options: BrowserOptions): Promise<TestBrowser> {
  return name === 'chromium' ? startChromium(options) : startFirefox(options)
}

async function startChromium({ lines, mic = true, site }: BrowserOptions): Promise<TestBrowser> {
  const directory = await mkdtemp(join(tmpdir(), 'earshot-mic-'))
  const card = lines ? undefined : await startSoundCard()
  const browser = await chromium.launch({
    ...(site && DEAF),
    ...(card && { env: { ...process.env, ...card.env } }),
    executablePath: site ? await wrapper(directory, [...site.enter, CHROMIUM]) : CHROMIUM,
    args: [
      ...(site ? chromiumThere(site) : []),
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      '--allow-loopback-in-peer-connection',
      ...(lines ? await fakeMicrophone(directory, lines) : []),
    ],
  })
  const context = await browser.newContext()
  // Granting a list refuses everything that is not on it, without asking.
  await context.grantPermissions(mic ? ['microphone'] : ['notifications'])
  await context.addInitScript(captureInPage)
  await serveTap(context)
  return {
    context,
    // The fake device starts its file when it is opened.
    talk: () => undefined,
    say: (samples) => card?.say(samples) ?? hasLines(),
    async stop() {
      await browser.close()
      await card?.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function fakeMicrophone(directory: string, lines: Int16Array): Promise<string[]> {
  const file = join(directory, 'lines.wav')
  await writeFile(file, encodeWav({ samples: lines, sampleRate: SAMPLE_RATE }))
  return ['--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${file}%noloop`]
}

function hasLines(): Promise<never> {
  return Promise.reject(new Error('The microphone has lines of its own: start it without any'))
}

/** Its certificates are of an authority that no browser knows. */
function chromiumThere({ origin, proxy }: Site): string[] {
  return [
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    '--ignore-certificate-errors',
    ...(proxy ? [`--proxy-server=${proxy}`] : []),
  ]
}

/**
 * Words before Firefox that make it trust an authority: by a policy file in place of the system's,
 * which only that program sees, since whoever enters a network namespace has mounts of their own.
 */
async function trusting(directory: string, authority: string): Promise<string[]> {
  const policies = { policies: { Certificates: { Install: [authority] } } }
  await writeFile(join(directory, 'policies.json'), JSON.stringify(policies))
  const script = `mount --bind '${directory}' ${FIREFOX_POLICIES} && exec "$@"`
  return ['sh', '-c', script, 'sh']
}

/** Firefox has no switch to trust one origin: it is told that microphones need no secure one. */
function firefoxThere({ proxy }: Site): Record<string, string | number | boolean> {
  const insecure = {
    'media.devices.insecure.enabled': true,
    'media.getusermedia.insecure.enabled': true,
  }
  if (proxy === undefined) return insecure
  const { hostname: bracketed, port } = new URL(proxy)
  const hostname = bracketed.replaceAll(/[[\]]/g, '')
  return {
    ...insecure,
    'network.proxy.type': 1,
    'network.proxy.http': hostname,
    'network.proxy.http_port': Number(port),
    'network.proxy.ssl': hostname,
    'network.proxy.ssl_port': Number(port),
  }
}

/** A program that runs `command`, for those who can only be told a path. */
async function wrapper(directory: string, command: readonly string[]): Promise<string> {
  const file = join(directory, 'browser')
  const words = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
  await writeFile(file, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o700 })
  return file
}

async function startFirefox({ lines, site }: BrowserOptions): Promise<TestBrowser> {
  const card = await startSoundCard()
  const directory = await mkdtemp(join(tmpdir(), 'earshot-firefox-'))
  const there = site && [
    process.execPath,
    FIREFOX_THERE,
    ...site.enter,
    ...(site.authority ? await trusting(directory, site.authority) : []),
    '--',
  ]
  const browser = await firefox.launch({
    ...(site && DEAF),
    // The distribution's Firefox, driven over WebDriver BiDi; the option is not in the types yet.
    ...({ channel: 'moz-firefox' } as object),
    executablePath: there ? await wrapper(directory, there) : FIREFOX,
    env: { ...process.env, ...card.env },
    firefoxUserPrefs: {
      'media.navigator.permission.disabled': true,
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      ...(site && firefoxThere(site)),
    },
  })
  const context = await browser.newContext()
  await context.addInitScript(captureInPage)
  return {
    context,
    talk: () => (lines ? void card.say(lines) : undefined),
    say: (samples) => (lines ? hasLines() : card.say(samples)),
    async stop() {
      await browser.close()
      await card.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
