import { describe, expect, it } from 'vitest'
import { centralAngle, regionOrder } from './regions.ts'

const eu = { name: 'eu', position: { latitude: 50.1, longitude: 8.7 } }
const us = { name: 'us', position: { latitude: 39, longitude: -77.5 } }
const nz = { name: 'nz', position: { latitude: -36.8, longitude: 174.8 } }
const somewhere = { name: 'somewhere' }

describe('regionOrder', () => {
  it('puts the nearest first and those of unknown place last', () => {
    const regions = [somewhere, eu, us, nz]
    const paris = { latitude: 48.9, longitude: 2.3 }
    const chicago = { latitude: 41.9, longitude: -87.6 }
    expect(regionOrder(regions, paris)).toEqual(['eu', 'us', 'nz', 'somewhere'])
    expect(regionOrder(regions, chicago)).toEqual(['us', 'eu', 'nz', 'somewhere'])
  })

  it('goes around the date line, not across the map', () => {
    const samoa = { latitude: -13.8, longitude: -171.8 }
    expect(regionOrder([us, nz], samoa)).toEqual(['nz', 'us'])
  })

  it('keeps the listed order when the caller is nowhere known', () => {
    expect(regionOrder([nz, somewhere, eu], undefined)).toEqual(['nz', 'somewhere', 'eu'])
  })
})

describe('centralAngle', () => {
  it('is a quarter turn from pole to equator and half a turn between antipodes', () => {
    const pole = { latitude: 90, longitude: 0 }
    const equator = { latitude: 0, longitude: 123 }
    expect(centralAngle(pole, equator)).toBeCloseTo(Math.PI / 2)
    expect(centralAngle(equator, { latitude: 0, longitude: -57 })).toBeCloseTo(Math.PI)
  })
})
