import { describe, expect, it } from 'vitest'
import { allCells, chosenCells, nameOf } from './cells.ts'
import { cellsOf } from './choice.ts'

const all = { EARSHOT_LAB: 'all' }

describe('the cells of a run', () => {
  it('are the chosen ones, or all', () => {
    expect(cellsOf({})).toEqual(chosenCells())
    expect(names(cellsOf(all)).toSorted()).toEqual(names(allCells()).toSorted())
  })

  it('are each in one shard, and a shard is the same each time', () => {
    const shards = [1, 2, 3].map((part) => cellsOf({ ...all, EARSHOT_LAB_SHARD: `${part}/3` }))
    expect(names(shards.flat()).toSorted()).toEqual(names(allCells()).toSorted())
    expect(cellsOf({ ...all, EARSHOT_LAB_SHARD: '2/3' })).toEqual(shards[1])
  })

  it('are others with another seed', () => {
    const shard = { ...all, EARSHOT_LAB_SHARD: '1/100' }
    expect(cellsOf({ ...shard, EARSHOT_LAB_SEED: '2' })).not.toEqual(cellsOf(shard))
  })

  it('are not guessed', () => {
    const wrong = [
      { EARSHOT_LAB: 'everything' },
      { EARSHOT_LAB_SHARD: '1/3' },
      { ...all, EARSHOT_LAB_SHARD: '0/3' },
      { ...all, EARSHOT_LAB_SHARD: '4/3' },
      { ...all, EARSHOT_LAB_SHARD: 'third' },
      { ...all, EARSHOT_LAB_SEED: '-1' },
    ]
    for (const env of wrong) expect(() => cellsOf(env)).toThrow(/^EARSHOT_LAB/)
  })
})

function names(cells: Parameters<typeof nameOf>[0][]): string[] {
  return cells.map(nameOf)
}
