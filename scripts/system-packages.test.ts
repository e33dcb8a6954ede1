import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { missingPackages, TEST_PACKAGES } from './system-packages.ts'

it('finds what is missing from a PATH', () => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-path-'))
  for (const name of ['turnserver', 'chromium', 'ip', 'nft', 'conntrack', 'ping', 'ps']) {
    writeFileSync(join(folder, name), '')
    chmodSync(join(folder, name), 0o755)
  }
  const missing = missingPackages(TEST_PACKAGES, `/nowhere:${folder}`)
  rmSync(folder, { recursive: true })
  const names = missing.map(({ name }) => name).join(' ')
  expect(names).toBe('firefox-esr pulseaudio pulseaudio-utils socat tcpdump')
})
