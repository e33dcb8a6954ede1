/** For tests that need a real lab: where none can be made, they are skipped, and say why. */
import { afterAll, beforeAll, describe } from 'vitest'
import type { Network } from './description.ts'
import { up, type Lab } from './lab.ts'
import { whyNot } from './why-not.ts'

const why = await whyNot()

/** `lab()`: one network for all tests of the block, up before the first and down after the last. */
export function describeLab(name: string, network: Network, tests: (lab: () => Lab) => void): void {
  describe.skipIf(why !== undefined)(why === undefined ? name : `${name} (${why})`, () => {
    let made: Lab | undefined
    beforeAll(async () => {
      made = await up(network)
    })
    afterAll(() => made?.down())
    tests(() => {
      if (made === undefined) throw new Error('The lab is not up')
      return made
    })
  })
}

/** The round trips, in ms, of pings that were answered. */
export async function pings(
  lab: Lab,
  host: Parameters<Lab['run']>[0],
  address: string,
  { count = 1, everyMs = 20, bytes = 56, timeoutS = 1 } = {},
): Promise<number[]> {
  const options = ['-n', '-c', `${count}`, '-i', `${everyMs / 1000}`, '-s', `${bytes}`]
  const { stdout } = await lab.run(host, ['ping', ...options, '-W', `${timeoutS}`, address])
  return [...stdout.matchAll(/ time=([\d.]+) ms/g)].map(([, ms]) => Number(ms))
}
