import { expect, it } from 'vitest'
import { Resends } from './resends.ts'

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

function sent(from: number, count: number): Resends {
  const resends = new Resends()
  for (const sequence of numbers(from, count)) resends.sent(sequence & 0xffff)
  return resends
}

it('has packets of the last second sent again', () => {
  expect(sent(0, 100).take([49, 50, 70, 99, 100])).toEqual([50, 70, 99])
  expect(new Resends().take([0])).toEqual([])
})

it('knows them across the wrap-around, also when a bit mask has run past it', () => {
  expect(sent(65_500, 60).take([65_499, 65_535, 65_536, 23, 24])).toEqual([65_535, 0, 23])
})

it('has each sent once for a NACK, however often it is named', () => {
  expect(sent(0, 10).take([3, 4, 3, 3, 65_539])).toEqual([3, 4])
})

it('has no more sent again than were sent, but for a burst', () => {
  const resends = sent(0, 100)
  let again = 0
  for (let i = 0; i < 1_000; i++) again += resends.take(numbers(50, 50)).length
  expect(again).toBe(50)
  for (const sequence of numbers(100, 7)) resends.sent(sequence)
  expect(resends.take(numbers(60, 40))).toEqual(numbers(60, 7))
})
