import { describe, expect, it } from 'vitest'
import { RESUME_TOKEN } from '@earshot/protocol'
import { hashToken, mintResumeToken } from './resume-token.ts'

describe('a resume token', () => {
  it('names its region and is another each time', async () => {
    const [one, two] = [await mintResumeToken('eu'), await mintResumeToken('eu')]
    expect(RESUME_TOKEN.exec(one.token)?.groups?.region).toBe('eu')
    expect(one.token).not.toBe(two.token)
  })

  it('is known by its SHA-256', async () => {
    const { token, hash } = await mintResumeToken('eu')
    expect(await hashToken(token)).toBe(hash)
    // FIPS 180-2, appendix B.1.
    expect(await hashToken('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
  })
})
