/** Starts a browser whose microphone says what the test wants said. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { chromium, firefox, type BrowserContext } from '@playwright/test'
import { encodeWav } from '@earshot/audio'
import { startSoundCard } from '../audio/sound-card.ts'
import { SAMPLE_RATE } from '../audio/speech.ts'
import { captureInPage } from './capture.ts'

const CHROMIUM = '/usr/bin/chromium'

export type BrowserName = 'chromium' | 'firefox'

export interface TestBrowser {
  readonly context: BrowserContext
  /** To be called when the microphone is being opened: from then on it says its lines. */
  talk(): void
  stop(): Promise<void>
}

export interface BrowserOptions {
  /** 48 kHz mono, said once from the moment the microphone opens. */
  readonly lines: Int16Array
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
  /** `http://host:port`: the only way out of the site. */
  readonly proxy?: string
}

export function startBrowser(name: BrowserName, options: BrowserOptions): Promise<TestBrowser> {
  return name === 'chromium' ? startChromium(options) : startFirefox(options)
}

async function startChromium({ lines, mic = true, site }: BrowserOptions): Promise<TestBrowser> {
  const directory = await mkdtemp(join(tmpdir(), 'earshot-mic-'))
  const file = join(directory, 'lines.wav')
  await writeFile(file, encodeWav({ samples: lines, sampleRate: SAMPLE_RATE }))
  const browser = await chromium.launch({
    executablePath: site ? await wrapper(directory, site.enter, CHROMIUM) : CHROMIUM,
    args: [
      ...(site ? chromiumThere(site) : []),
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      '--allow-loopback-in-peer-connection',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${file}%noloop`,
    ],
  })
  const context = await browser.newContext()
  // Granting a list refuses everything that is not on it, without asking.
  await context.grantPermissions(mic ? ['microphone'] : ['notifications'])
  await context.addInitScript(captureInPage)
  return {
    context,
    // The fake device starts its file when it is opened.
    talk: () => undefined,
    async stop() {
      await browser.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Its certificates are of an authority that no browser knows. */
function chromiumThere({ origin, proxy }: Site): string[] {
  return [
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    '--ignore-certificate-errors',
    ...(proxy ? [`--proxy-server=${proxy}`] : []),
  ]
}

/** A program that runs `program` elsewhere, for those who can only be told a path. */
async function wrapper(
  directory: string,
  enter: readonly string[],
  program: string,
): Promise<string> {
  const file = join(directory, basename(program))
  const words = [...enter, program].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
  await writeFile(file, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o700 })
  return file
}

async function startFirefox({ lines }: BrowserOptions): Promise<TestBrowser> {
  const card = await startSoundCard()
  const browser = await firefox.launch({
    // The distribution's Firefox, driven over WebDriver BiDi; the option is not in the types yet.
    ...({ channel: 'moz-firefox' } as object),
    executablePath: '/usr/bin/firefox-esr',
    env: { ...process.env, ...card.env },
    firefoxUserPrefs: {
      'media.navigator.permission.disabled': true,
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
    },
  })
  const context = await browser.newContext()
  await context.addInitScript(captureInPage)
  return {
    context,
    talk: () => void card.say(lines),
    async stop() {
      await browser.close()
      await card.stop()
    },
  }
}
