import { describe, expect, it } from 'vitest'
import { FRAME_SAMPLES } from './clock.ts'
import { Receiver, type Decoder, type ReceiverOutput } from './receiver.ts'

describe('packets in order', () => {
  it('are decoded at once, one after the other', () => {
    const { send, heard } = setUp()
    for (let i = 0; i < 4; i++) {
      send(i)
      expect(heard.at(-1)).toBe(`play ${i}`)
    }
    expect(heard).toHaveLength(4)
  })

  it.each([10, 60])('may hold %i ms each', (ms) => {
    const samples = ms * 48
    const { send, heard, lengths, receiver } = setUp({ samples })
    for (let i = 0; i < 4; i++) send(i)
    expect(heard).toEqual(['play 0', 'play 1', 'play 2', 'play 3'])
    expect(lengths).toEqual([samples, samples, samples, samples])
    expect(receiver.stats).toMatchObject({ recovered: 0, concealed: 0 })
  })

  it('pass the wrap-around of sequence number and timestamp', () => {
    const { send, heard, receiver } = setUp({
      sequence: 0xffff - 1,
      timestamp: 2 ** 32 - FRAME_SAMPLES - 1,
    })
    for (const i of [0, 1, 3, 2, 4]) send(i)
    expect(heard).toEqual([0, 1, 2, 3, 4].map((i) => `play ${i}`))
    expect(receiver.stats).toMatchObject({ late: 0, recovered: 0 })
  })

  it('go on for hours: the numbers wrap many times', () => {
    const { send, tick, heard } = setUp()
    for (let i = 0; i < 140_000; i++) {
      send(i)
      tick(0)
      if (heard.length !== i + 1) expect.fail(`packet ${i} was not played once`)
    }
  })
})

describe('packets out of order', () => {
  it('are put right when they come within 60 ms', () => {
    const { send, tick, heard, receiver } = setUp()
    send(0, 0)
    send(2, 20)
    send(3, 40)
    tick(79)
    expect(heard).toEqual(['play 0'])
    send(1, 79)
    expect(heard).toEqual(['play 0', 'play 1', 'play 2', 'play 3'])
    expect(receiver.stats).toMatchObject({ received: 4, late: 0, recovered: 0, concealed: 0 })
  })

  it('are too late after 60 ms: their place has been filled', () => {
    const { send, tick, heard, receiver } = setUp()
    send(0, 0)
    send(2, 20)
    tick(80)
    send(1, 81)
    expect(heard).toEqual(['play 0', 'recover 960 from 2', 'play 2'])
    expect(receiver.stats).toMatchObject({ late: 1, recovered: 1 })
  })

  it('are played once when they come twice', () => {
    const { send, heard, receiver } = setUp()
    for (const i of [0, 0, 2, 2, 1, 1, 2]) send(i)
    expect(heard).toEqual(['play 0', 'play 1', 'play 2'])
    expect(receiver.stats).toMatchObject({ received: 7, late: 4 })
  })
})

describe('lost packets', () => {
  it('single: from what the next one carries', () => {
    const { send, tick, heard, receiver } = setUp()
    send(0)
    send(2)
    tick(60)
    expect(heard).toEqual(['play 0', 'recover 960 from 2', 'play 2'])
    expect(receiver.stats).toMatchObject({ recovered: 1, concealed: 0 })
  })

  it('a few: concealed, and the last from the next packet', () => {
    const { send, tick, heard, receiver } = setUp()
    send(0)
    send(4)
    tick(60)
    expect(heard).toEqual(['play 0', 'conceal 960', 'conceal 960', 'recover 960 from 4', 'play 4'])
    expect(receiver.stats).toMatchObject({ recovered: 1, concealed: 2 })
  })

  it('many: concealed for 100 ms, then silence, with the timeline kept to the sample', () => {
    const { send, tick, heard, lengths } = setUp()
    send(0)
    send(31)
    tick(60)
    expect(heard).toEqual([
      'play 0',
      ...Array.from({ length: 5 }, () => 'conceal 960'),
      `silence ${24 * FRAME_SAMPLES}`,
      'recover 960 from 31',
      'play 31',
    ])
    expect(sum(lengths)).toBe(32 * FRAME_SAMPLES)
  })

  it.each([10, 60])('of %i ms each leave no hole in the timeline', (ms) => {
    const samples = ms * 48
    for (const lost of [1, 2, 3]) {
      const { send, tick, lengths } = setUp({ samples })
      send(0)
      send(lost + 1)
      tick(60)
      expect(sum(lengths)).toBe((lost + 2) * samples)
    }
  })

  it('in two places are both filled', () => {
    const { send, tick, heard } = setUp()
    for (const i of [0, 2, 4]) send(i)
    tick(60)
    expect(heard).toEqual([
      'play 0',
      'recover 960 from 2',
      'play 2',
      'recover 960 from 4',
      'play 4',
    ])
  })

  it('are waited for no longer than 60 ms though packets go on coming', () => {
    const { send, tick, heard } = setUp()
    send(0, 0)
    for (let i = 2; i < 8; i++) {
      send(i, i * 20)
      tick(i * 20)
    }
    expect(heard).toContain('play 5')
  })
})

describe('lost packets that can be asked for', () => {
  it('are waited for, and played in their place', () => {
    const { send, tick, heard, asked, receiver } = setUp({ asks: true })
    send(0, 0)
    send(4, 80)
    expect(asked).toEqual([[1, 2, 3]])
    for (const now of [100, 120, 140, 160]) tick(now)
    expect(heard).toEqual(['play 0'])
    for (const i of [1, 2, 3]) send(i, 170)
    expect(heard).toEqual([0, 1, 2, 3, 4].map((i) => `play ${i}`))
    expect(receiver.stats).toMatchObject({ received: 5, asked: 3, regained: 3, late: 0 })
  })

  it('are asked for at each tick that it is time to', () => {
    const { send, run, asked, heard } = setUp({ asks: true })
    send(0, 0)
    send(2, 40)
    run(40, 160)
    expect(asked).toEqual([[1], [1]])
    send(1, 165)
    run(160, 1_000)
    expect(asked).toHaveLength(2)
    expect(heard).toEqual(['play 0', 'play 1', 'play 2'])
  })

  it('are given up after 300 ms, and what follows them is heard at once', () => {
    const { send, tick, heard, receiver } = setUp({ asks: true })
    send(0, 0)
    for (let i = 2; i <= 16; i++) {
      send(i, i * 20)
      tick(i * 20)
    }
    expect(heard).toEqual(['play 0'])
    tick(340)
    expect(heard.slice(1, 3)).toEqual(['recover 960 from 2', 'play 2'])
    expect(heard.at(-1)).toBe('play 16')
    // In order again: no wait is left over.
    send(17, 345)
    expect(heard.at(-1)).toBe('play 17')
    expect(receiver.stats).toMatchObject({ asked: 1, regained: 0, recovered: 1 })
  })

  it('are filled where they do not come, and played where they do', () => {
    const { send, run, heard, receiver } = setUp({ asks: true })
    send(0, 0)
    send(5, 100)
    send(2, 150)
    run(100, 400)
    expect(heard).toEqual([
      'play 0',
      'recover 960 from 2',
      'play 2',
      'conceal 960',
      'recover 960 from 5',
      'play 5',
    ])
    expect(receiver.stats).toMatchObject({ asked: 4, regained: 1, recovered: 2, concealed: 1 })
  })

  it('in two places are waited for from when each was seen', () => {
    const { send, run, heard } = setUp({ asks: true })
    send(0, 0)
    send(2, 40)
    send(4, 200)
    run(40, 340)
    expect(heard).toEqual(['play 0', 'recover 960 from 2', 'play 2'])
    run(340, 500)
    expect(heard.slice(3)).toEqual(['recover 960 from 4', 'play 4'])
  })

  it('that come too late, twice at that, are no sender that starts over', () => {
    const { send, run, heard, receiver } = setUp({ asks: true })
    send(0, 0)
    send(41, 820)
    run(820, 1_120)
    expect(heard.at(-1)).toBe('play 41')
    for (let twice = 0; twice < 2; twice++) for (let i = 1; i <= 40; i++) send(i, 1_130)
    send(42, 1_140)
    expect(heard.at(-1)).toBe('play 42')
    expect(heard).toHaveLength(1 + 5 + 1 + 1 + 1 + 1)
    expect(receiver.stats).toMatchObject({ late: 80, regained: 0 })
  })

  it('before a sender that starts over are asked for no more', () => {
    const { push, run, asked, heard } = setUp({ asks: true })
    push({ sequence: 40_000, timestamp: 0 })
    push({ sequence: 40_002, timestamp: 2 * FRAME_SAMPLES })
    push({ sequence: 38_000, timestamp: 77 })
    run(0, 1_000)
    expect(asked).toEqual([[40_001]])
    push({ sequence: 38_002, timestamp: 77 + 2 * FRAME_SAMPLES })
    expect(asked).toEqual([[40_001], [38_001]])
    expect(heard).toEqual(['play 40000', 'play 38000'])
  })

  it('are not asked for, and not waited for, in a break of more than a second', () => {
    const { send, run, asked, heard } = setUp({ asks: true })
    send(0, 0)
    send(60, 1_200)
    run(1_200, 1_260)
    expect(asked).toEqual([])
    expect(heard.at(-1)).toBe('play 60')
  })

  it('hold up nothing where nothing is lost: a pause of the sender is none', () => {
    const { push, heard, asked } = setUp({ asks: true })
    for (let i = 0; i < 5; i++) push({ sequence: i, timestamp: i * 20 * FRAME_SAMPLES })
    expect(heard.at(-1)).toBe('play 4')
    expect(asked).toEqual([])
  })
})

describe('a pause of the sender', () => {
  it('is silence of its length, and no loss', () => {
    const { push, heard, receiver } = setUp()
    push({ sequence: 10, timestamp: 0 })
    push({ sequence: 11, timestamp: 20 * FRAME_SAMPLES })
    push({ sequence: 12, timestamp: 70 * FRAME_SAMPLES })
    expect(heard).toEqual([
      'play 10',
      `silence ${19 * FRAME_SAMPLES}`,
      'play 11',
      `silence ${49 * FRAME_SAMPLES}`,
      'play 12',
    ])
    expect(receiver.stats).toMatchObject({ recovered: 0, concealed: 0, late: 0 })
  })

  it('of more than a second is not filled up: a timestamp can name hours', () => {
    const { push, heard } = setUp()
    push({ sequence: 10, timestamp: 0 })
    push({ sequence: 11, timestamp: 2 ** 31 - 1 })
    push({ sequence: 12, timestamp: 2 ** 31 - 1 + FRAME_SAMPLES })
    expect(heard).toEqual(['play 10', 'play 11', 'play 12'])
  })
})

describe('a sender that starts over', () => {
  it.each([
    ['far ahead', 30_000],
    ['far back', -30_000],
    ['half the circle away', 0x8000],
  ])('%s is heard from its first packet', (_where, jump) => {
    const { push, heard, receiver } = setUp()
    push({ sequence: 40_000, timestamp: 5_000_000 })
    for (let i = 0; i < 3; i++) {
      push({ sequence: (40_000 + jump + i + 0x1_0000) % 0x1_0000, timestamp: 77 + i * 960 })
    }
    expect(heard).toHaveLength(4)
    expect(receiver.stats.late).toBe(0)
  })

  it('a little ahead is heard after the wait for what looks lost', () => {
    const { push, tick, heard } = setUp()
    push({ sequence: 100, timestamp: 5_000_000 })
    push({ sequence: 400, timestamp: 9 })
    push({ sequence: 401, timestamp: 9 + FRAME_SAMPLES })
    tick(60)
    expect(heard.filter((what) => what.startsWith('play'))).toEqual([
      'play 100',
      'play 400',
      'play 401',
    ])
  })

  it('a little back is heard again within half a second', () => {
    const { push, heard } = setUp()
    push({ sequence: 900, timestamp: 5_000_000 })
    for (let i = 0; i < 30; i++) push({ sequence: 100 + i, timestamp: i * FRAME_SAMPLES })
    expect(heard.at(-1)).toBe('play 129')
  })

  it('is not seen in a few old packets between new ones', () => {
    const { push, heard } = setUp()
    for (let i = 0; i < 200; i++) {
      push({ sequence: 1000 + i, timestamp: i * FRAME_SAMPLES })
      push({ sequence: 900 + (i % 100), timestamp: 0 })
    }
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => `play ${1000 + i}`))
  })
})

describe('a packet that cannot be decoded', () => {
  it('is concealed, and the call goes on', () => {
    const { push, heard, receiver } = setUp()
    push({ sequence: 0, timestamp: 0 })
    push({ sequence: 1, timestamp: FRAME_SAMPLES, corrupt: true })
    push({ sequence: 2, timestamp: 2 * FRAME_SAMPLES })
    expect(heard).toEqual(['play 0', 'conceal 960', 'play 2'])
    expect(receiver.stats).toMatchObject({ corrupt: 1 })
  })

  it('after a gap is counted once, and both places are filled', () => {
    const { push, tick, lengths, receiver } = setUp()
    push({ sequence: 0, timestamp: 0 })
    push({ sequence: 2, timestamp: 2 * FRAME_SAMPLES, corrupt: true })
    tick(60)
    expect(sum(lengths)).toBe(3 * FRAME_SAMPLES)
    expect(receiver.stats).toMatchObject({ corrupt: 1, recovered: 0 })
  })
})

it('is not blamed for a fault of its listener', () => {
  const receiver = new Receiver(fakeDecoder(960, []), {
    sound: () => {
      throw new Error('listener')
    },
    silence: () => undefined,
  })
  const packet = { sequence: 0, timestamp: 0, payload: Uint8Array.of(0, 0) }
  expect(() => receiver.push(packet, 0)).toThrow('listener')
  expect(receiver.stats.corrupt).toBe(0)
})

it('holds a bounded number of packets under a flood with holes in it', () => {
  const { push, tick, receiver, heard } = setUp()
  let most = 0
  let sent = 0
  for (let i = 0; i < 20_000; i += 2) {
    tick(0)
    push({ sequence: i % 0x1_0000, timestamp: i * FRAME_SAMPLES })
    sent++
    const played = heard.filter((what) => what.startsWith('play')).length
    most = Math.max(most, sent - played)
    if (heard.length > 1000) {
      sent -= played
      heard.length = 0
    }
  }
  expect(most).toBeLessThanOrEqual(51)
  tick(60)
  expect(receiver.stats.received).toBe(10_000)
})

it('gives out no more than a caller could have said, however many packets come', () => {
  const { push, tick, receiver, lengths } = setUp()
  // A second of silence in each packet: the dearest thing a caller can ask for.
  const flood = () => {
    for (let i = 0; i < 1000; i++, at++) push({ sequence: at, timestamp: at * 48_000 })
  }
  let at = 0
  const given = () => sum(lengths)
  flood()
  expect(receiver.stats.flooded).toBeGreaterThan(900)
  const first = given()
  for (let frame = 0; frame < 50; frame++) tick(0)
  flood()
  expect(given() - first).toBeLessThan(4 * 48_000)
})

/**
 * Writes down what it is asked. It does not decode: the sound of every packet is silence of one length,
 * and a packet is corrupt when its second byte says so. It has no state, so it cannot show a wrong order
 * of calls by its sound; the order in `heard` does.
 */
function fakeDecoder(samples: number, heard: string[]): Decoder {
  const known = (packet: Uint8Array): string => {
    if (packet.at(-1) === 1) throw new Error('corrupt packet')
    return new TextDecoder().decode(packet.slice(0, -1))
  }
  return {
    decode(packet) {
      heard.push(`play ${known(packet)}`)
      return new Int16Array(samples)
    },
    recover(next, length) {
      heard.push(`recover ${length} from ${known(next)}`)
      return new Int16Array(length)
    },
    conceal(length) {
      heard.push(`conceal ${length}`)
      return new Int16Array(length)
    },
  }
}

/** `send(i)` sends the i-th packet of a steady stream, `push` any packet at all; `asks`: lost ones can be asked for. */
function setUp({ samples = FRAME_SAMPLES, sequence = 0, timestamp = 0, asks = false } = {}) {
  const heard: string[] = []
  const asked: (readonly number[])[] = []
  const lengths: number[] = []
  const output: ReceiverOutput = {
    sound: (sound) => lengths.push(sound.length),
    silence: (length) => {
      heard.push(`silence ${length}`)
      lengths.push(length)
    },
  }
  const ask = asks ? (sequences: readonly number[]) => void asked.push(sequences) : undefined
  const receiver = new Receiver(fakeDecoder(samples, heard), output, ask)
  const push = (
    packet: { sequence: number; timestamp: number; corrupt?: boolean; name?: number },
    now = 0,
  ): void => {
    const name = new TextEncoder().encode(String(packet.name ?? packet.sequence))
    const payload = Uint8Array.of(...name, packet.corrupt ? 1 : 0)
    receiver.push({ sequence: packet.sequence, timestamp: packet.timestamp, payload }, now)
  }
  return {
    receiver,
    heard,
    asked,
    lengths,
    push,
    tick: (now: number) => receiver.tick(now),
    /** Ticks every 20 ms, after `from` and up to `to`. */
    run: (from: number, to: number) => {
      for (let now = from + 20; now <= to; now += 20) receiver.tick(now)
    },
    send: (i: number, now = 0) =>
      push(
        {
          sequence: (sequence + i) % 0x1_0000,
          timestamp: (timestamp + i * samples) % 2 ** 32,
          name: i,
        },
        now,
      ),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
