import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { run } from './processes.ts'

it('says in a sentence what keeps a machine from making labs', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'no-programs-'))
  const script = `const { whyNot } = await import('${import.meta.dirname}/why-not.ts')
    console.log(await whyNot())`
  const node = [process.execPath, '--input-type=module', '-e', script]
  const { stdout } = await run(['/usr/bin/env', `PATH=${empty}`, ...node])
  rmSync(empty, { recursive: true })
  expect(stdout).toMatch(/^(?:The lab (?:needs|is made)|Only root) .*\.\n$/)
})
