import { describe, expect, it } from 'vitest'
import { hmacSha1, turnCredentials } from './turn-credentials.ts'

describe('hmacSha1', () => {
  it.each([
    // RFC 2202, section 3, test cases 1, 2 and 5 (whole).
    ['\u000b'.repeat(20), 'Hi There', 'b617318655057264e28bc0b6fb378c8ef146be00'],
    ['Jefe', 'what do ya want for nothing?', 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['\u000c'.repeat(20), 'Test With Truncation', '4c1a03424b55e07fe7f27be1d58bb9324a9a5a04'],
  ])('agrees with RFC 2202', async (key, message, hex) => {
    const mac = await hmacSha1(key, message)
    expect([...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')).toBe(hex)
  })
})

describe('turnCredentials', () => {
  it("agrees with the vector of stunner-auth-service's tests", async () => {
    expect(await turnCredentials('asdasd', 'asdasdasd', 1212, 0)).toEqual({
      username: '1212:asdasdasd',
      credential: '7Hjq4BOm5P4fC4P4FcfsYTjtKJM=',
    })
  })

  it('agrees with OpenSSL', async () => {
    // printf '1764000000:eu-AAAAAAAAAAAAAAAAAAAAAA' |
    //   openssl dgst -sha1 -hmac 'north-star-0123456789abcdefghijkl' -binary | base64
    const id = 'eu-AAAAAAAAAAAAAAAAAAAAAA'
    const secret = 'north-star-0123456789abcdefghijkl'
    expect(await turnCredentials(secret, id, 3600, 1_763_996_400_999)).toEqual({
      username: `1764000000:${id}`,
      credential: '1gN+HGjMo1PKLsx/NzmPa0H3S20=',
    })
  })
})
