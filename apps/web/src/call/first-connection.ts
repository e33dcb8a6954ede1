/**
 * The first connection of a call. Where packets are lost, an attempt can hang for many seconds in TCP's own
 * waiting, which doubles with every loss and which a page can neither see nor cut short. Another attempt
 * beside it has connections of its own, and luck of its own: the first that is up is the call.
 */
import { after } from './clock.ts'
import {
  type Connecting,
  type Connection,
  type ConnectionNews,
  type ConnectionPorts,
  connect,
} from './connection.ts'
import { asFailure, type CallFailure, isUnreachable } from './failure.ts'
import { type Answered, giveBack } from './join.ts'

/** Another attempt after so many ms with the microphone, unless the one before is promising. */
const SECOND_MS = 4_000
/** And one more, promising or not. */
const THIRD_MS = 8_000
const MOST_ATTEMPTS = 3
/** Within 10 s of the tap a person is told what is wrong, or that it takes longer. */
const DOUBT_MS = 9_000
/** Then there is no more waiting. */
const WHOLE_MS = 20_000
/** From an offer to its answer. */
const ANSWER_MS = 8_000

export interface FirstNews extends ConnectionNews {
  /** It takes long: what seems to be the matter, or `undefined` when there is a way and it is slow. */
  onDoubt(doubt: CallFailure | undefined): void
}

/**
 * Connects, with up to three attempts beside each other. What `news` tells is of the one that comes up, and
 * its steps are the first one's; the seats of all others are given back.
 *
 * Rejects with a `CallFailure` when all attempts have failed, after 20 s at most from when the microphone is
 * open, or with the signal's reason when it aborts. `farewell` is the call's, once this has resolved.
 */
export async function connectFirst(
  ports: ConnectionPorts,
  mic: Promise<MediaStream>,
  signal: AbortSignal,
  news: FirstNews,
  farewell: () => Promise<void>,
): Promise<Connection> {
  const { clock } = ports
  const startedAt = clock.now()
  const over = new AbortController()
  const running = new Set<Runner>()
  let begun = 0
  let winner: Runner | undefined
  let worst: CallFailure | undefined
  try {
    return await new Promise((resolve, reject) => {
      begin()
      mic.then(schedule, () => {})

      function schedule(): void {
        after(clock, SECOND_MS, over.signal, () => {
          if (begun === 1 && doubt()) begin()
        })
        after(clock, THIRD_MS, over.signal, begin)
        after(clock, DOUBT_MS, over.signal, () => news.onDoubt(doubt()))
      }

      function begin(): void {
        if (begun === MOST_ATTEMPTS) return
        begun += 1
        void follow(createRunner(begun === 1))
      }

      async function follow(runner: Runner): Promise<void> {
        running.add(runner)
        try {
          const connection = await runner.connected
          if (winner) return
          winner = runner
          runner.win()
          resolve(connection)
        } catch (error) {
          running.delete(runner)
          if (winner) return
          const failure = asFailure(error)
          worst = worst ? moreTelling(worst, failure) : failure
          if (signal.aborted) reject(error)
          else if (isUnreachable(failure) && begun < MOST_ATTEMPTS) begin()
          else if (running.size === 0) reject(worst)
        }
      }
    })
  } finally {
    over.abort()
    for (const runner of running) if (runner !== winner) runner.stop()
  }

  function doubt(): CallFailure | undefined {
    const doubts = [...running].map((runner) => runner.doubt())
    const [oldest] = doubts
    if (!oldest || doubts.includes(undefined)) return undefined
    return worst ? moreTelling(oldest, worst) : oldest
  }

  /** One attempt: it keeps to itself until it has won. */
  function createRunner(isFirst: boolean): Runner {
    const own = new AbortController()
    let seat: Answered | undefined
    let audio: MediaStream | undefined
    let leaving: Promise<void> | undefined
    const connecting = connect(
      ports,
      mic,
      AbortSignal.any([signal, own.signal]),
      {
        onStep(step) {
          if (isFirst) news.onStep(step)
        },
        onAnswer(answered) {
          if (leaving) void giveBack(ports, answered)
          else seat = answered
        },
        onPlayed(rtp) {
          if (isCall()) news.onPlayed(rtp)
        },
        onEvent(event) {
          if (isCall()) news.onEvent(event)
        },
        onLost(cause) {
          if (isCall()) news.onLost(cause)
        },
        onAudio(stream) {
          audio = stream
          // At once, for it takes a browser a while to open its devices.
          if (isFirst || isCall()) news.onAudio(stream)
        },
      },
      {
        limits: {
          answerMs: ANSWER_MS,
          connectMs: WHOLE_MS,
          wholeMs: WHOLE_MS - (clock.now() - startedAt),
          repeatMs: [],
        },
        // What was remembered of this network may not be so any more.
        remembered: isFirst,
        back: undefined,
        patience: 1,
        farewell: () => (isCall() ? farewell() : leave()),
      },
    )
    connecting.connected.catch(leave)
    const runner: Runner = {
      ...connecting,
      win(): void {
        if (seat) news.onAnswer(seat)
        if (audio && !isFirst) news.onAudio(audio)
      },
      stop: () => own.abort(new DOMException('another attempt is the call', 'AbortError')),
    }
    return runner

    function isCall(): boolean {
      return winner === runner
    }

    function leave(): Promise<void> {
      leaving ??= seat ? giveBack(ports, seat) : Promise.resolve()
      return leaving
    }
  }
}

type Runner = Connecting & { win(): void; stop(): void }

/** That an attempt heard nothing of the service says less than what another one heard. */
function moreTelling(one: CallFailure, other: CallFailure): CallFailure {
  return one.code !== 'offline' ? one : other
}
