import { describe, expect, it } from 'vitest'
import { leastLoaded, pickForCall, type NodeFacts } from './seats.ts'

function node(name: string, facts: Partial<NodeFacts> = {}): NodeFacts {
  return { node: name, seats: 4, draining: false, load: 0, turnUrls: [], direct: true, ...facts }
}

const none: ReadonlySet<string> = new Set()

describe('pickForCall', () => {
  it('says which of the two is missing: nodes or seats', () => {
    expect(pickForCall([], new Map(), none)).toEqual({ type: 'no-node' })
    expect(pickForCall([node('a', { seats: 1 })], new Map([['a', 1]]), none)).toEqual({
      type: 'full',
    })
  })

  it('leaves out nodes that drain, are full or over-full, or have refused', () => {
    const nodes = [node('draining', { draining: true }), node('over'), node('asked'), node('free')]
    const used = new Map([
      ['over', 5],
      ['free', 3],
    ])
    expect(pickForCall(nodes, used, new Set(['asked']))).toMatchObject({ node: { node: 'free' } })
  })

  it('compares shares of seats, not seats', () => {
    const nodes = [node('small', { seats: 2 }), node('large', { seats: 10 })]
    const used = new Map([
      ['small', 1],
      ['large', 3],
    ])
    expect(pickForCall(nodes, used, none)).toMatchObject({ node: { node: 'large' } })
  })
})

describe('pickForCall for a conversation', () => {
  const used = new Map([['home', 3]])

  it('takes its node before one that is less full', () => {
    const pick = pickForCall([node('empty'), node('home')], used, none, 'home')
    expect(pick).toMatchObject({ node: { node: 'home' } })
  })

  it.each([
    ['drains', [node('home', { draining: true })], none],
    ['is full', [node('home', { seats: 3 })], none],
    ['has not taken it', [node('home')], new Set(['home'])],
    ['is not there', [], none],
  ])('takes another when its node %s', (_why, homes, tried) => {
    const pick = pickForCall([...homes, node('other')], used, tried, 'home')
    expect(pick).toMatchObject({ node: { node: 'other' } })
  })
})

describe('leastLoaded', () => {
  it('breaks ties by load', () => {
    const nodes = [node('busy', { load: 0.7 }), node('idle', { load: 0.1 })]
    expect(leastLoaded(nodes, new Map())?.node).toBe('idle')
  })

  it('breaks what ties are left by lot', () => {
    const nodes = [node('full', { seats: 1 }), node('a'), node('b')]
    const used = new Map([['full', 1]])
    expect(leastLoaded(nodes, used, () => 0)?.node).toBe('a')
    expect(leastLoaded(nodes, used, () => 0.999)?.node).toBe('b')
  })

  it('finds nothing in nothing', () => {
    expect(leastLoaded([], new Map())).toBeUndefined()
  })
})
