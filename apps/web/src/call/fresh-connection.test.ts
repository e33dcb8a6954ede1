import { describe, expect, it } from 'vitest'
import { openingAfter } from './fresh-connection.ts'

describe('openingAfter', () => {
  it('asks for one connection more every six seconds, from either lot in turn', () => {
    const openings = [0.5, 6, 12, 18, 24, 30, 36, 42, 48, 54].map((s) => openingAfter(s * 1000))
    const line = openings.map(({ requests, credentials }) => `${requests} ${credentials}`)
    expect(line).toEqual([
      '1 omit',
      '4 same-origin',
      '3 omit',
      '5 same-origin',
      '4 omit',
      '6 same-origin',
      '5 omit',
      '6 same-origin',
      '6 omit',
      '6 same-origin',
    ])
  })
})
