/** A conversation over connections that are only written down; over real ones: rejoin.test.ts. */
import { describe, expect, it } from 'vitest'
import { counting, frame, keeping, missed, numbers, range, settled, talk } from '../testing/talk.ts'
import { FRAME_MS, FRAME_SAMPLES } from './clock.ts'
import { onEveryFrame, replyOnPause, type CallContext } from './handler.ts'

const SECOND = 1_000 / FRAME_MS

describe('a reply that a lost connection cut', () => {
  it('waits for the page to say what it heard, and goes on from there', async () => {
    const { conversation, connect, say } = talk(counting(100))
    const first = connect()
    await say()
    first.tick(40)
    conversation.detach(first.line)
    first.tick(40)
    expect(first.frames).toHaveLength(40)

    const second = connect()
    second.tick(SECOND - 1)
    expect(second.frames).toHaveLength(0)
    second.catchUp({ turn: 1, heard: { turn: 1, ms: 500 } })
    second.tick(200)
    expect(second.told('turn')).toEqual([])
    expect(second.told('reply.start')).toEqual([
      { type: 'reply.start', turn: 1, fromMs: 500, rtp: 49_000 },
    ])
    expect(numbers(second.frames)).toEqual(range(25, 100))
    expect(second.told('reply.end')).toMatchObject([{ reason: 'complete', playedMs: 2_000 }])
  })

  it('goes on by itself a second after the channel opened, from where it was', async () => {
    const { conversation, connect, say } = talk(counting(100))
    const first = connect()
    await say()
    first.tick(40)
    conversation.detach(first.line)

    const second = connect({ opened: false })
    second.tick(10 * SECOND)
    second.open()
    second.tick(SECOND - 1)
    expect(second.frames).toHaveLength(0)
    second.tick(1)
    expect(numbers(second.frames)).toEqual([40])
    expect(second.told('reply.start')).toMatchObject([{ fromMs: 800 }])
  })

  it('is not held for ever where no data channel can be', async () => {
    const { conversation, connect, say } = talk(counting(100))
    const first = connect()
    await say()
    first.tick(40)
    conversation.detach(first.line)
    const second = connect({ channel: false, opened: false })
    second.tick(SECOND)
    expect(numbers(second.frames)).toEqual([40])
  })

  it('is said from its beginning to a page that never heard of it', async () => {
    const { conversation, connect, say } = talk(counting(10))
    const first = connect()
    await say()
    first.tick(50)
    conversation.detach(first.line)
    const second = connect()
    second.catchUp({ turn: 0 })
    second.tick(50)
    expect(second.types()).toEqual(['call.ready', 'turn', 'reply.start', 'reply.end'])
    expect(second.told('reply.start')).toMatchObject([{ fromMs: 0 }])
    expect(numbers(second.frames)).toEqual(range(0, 10))
  })

  it('that was heard to its end is not said again; that it is over is', async () => {
    const { conversation, connect, say } = talk(counting(10))
    const first = connect()
    await say()
    first.tick(50)
    conversation.detach(first.line)
    const second = connect()
    second.catchUp({ turn: 1, heard: { turn: 1, ms: 190 } })
    second.tick(50)
    expect(second.frames).toEqual([])
    expect(second.types()).toEqual(['call.ready', 'reply.end'])
    expect(second.told('reply.end')).toMatchObject([{ turn: 1, reason: 'complete' }])
  })

  it('that has not begun is announced again', async () => {
    const { conversation, connect, say } = talk(
      replyOnPause(
        () =>
          async function* (_turn, { signal }) {
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
            yield frame(0)
          },
      ),
    )
    const first = connect()
    await say()
    conversation.detach(first.line)
    const second = connect()
    second.catchUp({ turn: 1 })
    expect(second.told('turn')).toEqual(first.told('turn'))
  })

  it('that the caller spoke over is not said again', async () => {
    const { conversation, connect, say } = talk(counting(100))
    const first = connect()
    await say()
    first.tick(40)
    conversation.mark('start')
    conversation.mark('confirm')
    conversation.mark('cancel')
    conversation.detach(first.line)
    const second = connect()
    second.catchUp({ turn: 1, heard: { turn: 1, ms: 100 } })
    second.tick(100)
    expect(second.frames).toEqual([])
    expect(second.told('reply.end')).toMatchObject([{ turn: 1, reason: 'interrupted' }])
  })

  it('goes on being made while nobody listens, as far as there is room', async () => {
    let made = 0
    const { conversation, connect, say } = talk(
      replyOnPause(
        () =>
          async function* () {
            for (;;) {
              made++
              yield frame(0)
            }
          },
      ),
    )
    const { line } = connect()
    await say()
    conversation.detach(line)
    await settled()
    expect(made).toBe(501)
    expect(conversation.line).toBeUndefined()
    conversation.close()
  })
})

describe('what was said meanwhile', () => {
  it('is the next turn, and stops the reply that it was said over', async () => {
    const { conversation, connect, say, turns } = talk(counting(100))
    const first = connect()
    await say()
    first.tick(40)
    conversation.detach(first.line)
    const second = connect()
    const wanted = second.catchUp({ turn: 1, heard: { turn: 1, ms: 500 }, missed: missed() })
    expect(wanted).toBe(true)
    second.tick(1)
    expect(second.told('reply.end')).toMatchObject([{ turn: 1, reason: 'interrupted' }])
    conversation.missed(new Int16Array(777))
    await settled()
    second.tick(10)
    expect(turns.map(({ number, samples }) => [number, samples])).toEqual([
      [1, 960],
      [2, 777],
    ])
    expect(numbers(second.frames)).toEqual(range(0, 10))
  })

  it('is not answered twice when its mark came through', async () => {
    const { conversation, connect, say, turns } = talk(counting(10))
    const first = connect()
    await say()
    first.tick(50)
    conversation.detach(first.line)
    const second = connect()
    expect(second.catchUp({ turn: 0, missed: missed() })).toBe(false)
    second.tick(50)
    expect(turns).toHaveLength(1)
    expect(numbers(second.frames)).toEqual(range(0, 10))
  })

  it('may be the first words of a call', async () => {
    const { conversation, connect, turns } = talk(counting(1))
    const first = connect()
    expect(first.catchUp({ turn: 0, missed: missed() })).toBe(true)
    conversation.missed(new Int16Array(50))
    await settled()
    expect(turns).toEqual([{ number: 1, samples: 50, kept: undefined }])
  })

  it('makes no turn out of the part that was heard before', async () => {
    const { conversation, connect, turns } = talk(counting(1))
    const first = connect()
    conversation.mark('start')
    conversation.sound(new Int16Array(960))
    conversation.mark('confirm')
    conversation.detach(first.line)
    const second = connect()
    second.catchUp({ turn: 0, missed: missed(true) })
    conversation.missed(new Int16Array(5_000))
    conversation.mark('end')
    second.tick(20)
    await settled()
    expect(turns).toEqual([{ number: 1, samples: 5_000, kept: undefined }])
  })

  it('of which the page has nothing is the part that was heard', async () => {
    const { conversation, connect, turns } = talk(counting(1))
    const first = connect()
    conversation.mark('start')
    conversation.sound(new Int16Array(960))
    conversation.mark('confirm')
    conversation.detach(first.line)
    const second = connect()
    second.catchUp({ turn: 0 })
    second.tick(20)
    await settled()
    expect(turns).toEqual([{ number: 1, samples: 960, kept: undefined }])
  })
})

describe('a conversation that comes from another node', () => {
  it('goes on counting, and its handler finds what was kept', async () => {
    const { connect, say, turns } = talk(counting(1), { turn: 7, state: '{"name":"Ada"}' })
    const first = connect()
    expect(first.told('call.ready')).toMatchObject([{ turn: 7 }])
    await say()
    expect(turns).toMatchObject([{ number: 8, kept: { name: 'Ada' } }])
  })

  it('answers the turn that is owed, under its number, without what was heard of the reply', async () => {
    const { conversation, connect, turns } = talk(counting(100), { turn: 7 })
    const first = connect()
    const wanted = first.catchUp({
      turn: 8,
      heard: { turn: 8, ms: 600 },
      missed: { ...missed(), again: true },
    })
    expect(wanted).toBe(true)
    conversation.missed(new Int16Array(50))
    await settled()
    first.tick(200)
    expect(turns).toMatchObject([{ number: 8 }])
    expect(first.told('reply.start')).toMatchObject([{ turn: 8, fromMs: 600 }])
    expect(numbers(first.frames)).toEqual(range(30, 100))
  })

  it('says that a reply is over which went down with that node', () => {
    const { connect, turns } = talk(counting(1), { turn: 8 })
    const first = connect()
    const heard = { turn: 8, ms: 600 }
    expect(first.catchUp({ turn: 8, heard, missed: { ...missed(), again: true } })).toBe(false)
    expect(first.told('reply.end')).toEqual([
      { type: 'reply.end', turn: 8, reason: 'interrupted', playedMs: 600 },
    ])
    expect(turns).toEqual([])
  })
})

describe('what a handler keeps', () => {
  it('is saved when the reply is over, and not before', async () => {
    const { connect, say, saved } = talk(keeping((context) => context.keep('one')))
    const first = connect()
    await say()
    first.tick(1)
    expect(saved).toEqual([])
    first.tick(50)
    expect(saved).toEqual([{ turn: 1, state: '"one"' }])
  })

  it('is the number of the turn when it keeps nothing', async () => {
    const { connect, say, saved } = talk(counting(10))
    const first = connect()
    await say()
    first.tick(50)
    expect(saved).toEqual([{ turn: 1 }])
  })

  it('after its turn is saved a little later', async () => {
    let context: CallContext | undefined
    const { conversation, connect, say, saved } = talk(keeping((given) => (context = given)))
    const first = connect()
    await say()
    first.tick(20)
    context?.keep('late')
    first.tick(SECOND)
    expect(saved).toEqual([{ turn: 1 }, { turn: 1, state: '"late"' }])
    context?.keep('at the last moment')
    conversation.detach(first.line)
    expect(saved.at(-1)).toEqual({ turn: 1, state: '"at the last moment"' })
  })

  it('of a turn that is cut off by the end of the conversation is not saved', async () => {
    const { conversation, connect, say, saved } = talk(keeping(({ keep }) => keep('half')))
    const first = connect()
    await say()
    first.tick(1)
    conversation.detach(first.line)
    conversation.close()
    await settled()
    expect(saved).toEqual([])
  })
})

it('delivers what a handler told while the page was away, right after the greeting', async () => {
  let context: CallContext | undefined
  const { conversation, connect, say } = talk(keeping((given) => (context = given)))
  const first = connect()
  await say()
  first.tick(50)
  conversation.detach(first.line)
  context?.send('news')
  const second = connect({ opened: false })
  context?.send('more')
  second.open()
  expect(second.events.map((event) => (event.type === 'output' ? event.data : event.type))).toEqual(
    ['call.ready', 'news', 'more'],
  )
})

it('names itself by its own id, whatever the call', async () => {
  let context: CallContext | undefined
  const { connect, say } = talk(keeping((given) => (context = given)))
  connect()
  await say()
  expect(context?.callId).toBe('global-AAAAAAAAAAAAAAAAAAAAAA')
})

it('frame by frame has nothing to hold and no use for what was missed', () => {
  const { conversation, connect } = talk(onEveryFrame(() => (heard) => heard))
  const first = connect({ opened: false })
  conversation.sound(new Int16Array(FRAME_SAMPLES))
  expect(first.frames).toHaveLength(1)
  first.open()
  expect(first.catchUp({ turn: 0, missed: missed() })).toBe(false)
  conversation.missed(new Int16Array(50))
  expect(first.types()).toEqual(['call.ready'])
})
