/** Starts a browser whose microphone says what the test wants said. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, firefox, type BrowserContext } from '@playwright/test'
import { encodeWav } from '@earshot/audio'
import { startSoundCard } from '../audio/sound-card.ts'
import { SAMPLE_RATE } from '../audio/speech.ts'
import { captureInPage } from './capture.ts'

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
}

export function startBrowser(name: BrowserName, options: BrowserOptions): Promise<TestBrowser> {
  return name === 'chromium' ? startChromium(options) : startFirefox(options)
}

async function startChromium({ lines, mic = true }: BrowserOptions): Promise<TestBrowser> {
  const directory = await mkdtemp(join(tmpdir(), 'earshot-mic-'))
  const file = join(directory, 'lines.wav')
  await writeFile(file, encodeWav({ samples: lines, sampleRate: SAMPLE_RATE }))
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
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
