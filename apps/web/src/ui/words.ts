/** Every word about the call. Plain, calm, and never the person's fault. */
import type { CallFailure, FailureCode } from '../call/failure.ts'
import type { CallState, ConnectingStep, EndReason, Floor, Notice } from '../call/state.ts'
import type { CallPath } from '../call/stats.ts'

export interface FailureWords {
  title: string
  /** What happened and what helps, in a sentence or two. */
  what: string
  /** What the large button then does. */
  way: Way
}

export type Way = 'retry' | 'reload' | 'secure'

export const WAYS: Record<Way, string> = {
  retry: 'Try again',
  reload: 'Reload the page',
  secure: 'Open the secure page',
}

export const FAILURES: Record<FailureCode, FailureWords> = {
  'unsupported-browser': {
    title: 'This browser cannot place calls',
    what: 'Open this page in a current Chrome, Edge, Firefox or Safari.',
    way: 'reload',
  },
  'insecure-page': {
    title: 'The page was not opened securely',
    what: 'Browsers only share a microphone with pages whose address starts with https.',
    way: 'secure',
  },
  'mic-refused': {
    title: 'The microphone is blocked',
    what: 'Allow the microphone for this site, from the icon beside the page’s address, then try again.',
    way: 'retry',
  },
  'mic-missing': {
    title: 'No microphone found',
    what: 'Plug one in or switch it on, then try again.',
    way: 'retry',
  },
  'mic-busy': {
    title: 'The microphone would not start',
    what: 'Another app may be using it. Close that app, then try again.',
    way: 'retry',
  },
  offline: {
    title: 'The service cannot be reached',
    what: 'Check your internet connection, then try again.',
    way: 'retry',
  },
  'wrong-origin': {
    title: 'Calls are not allowed from this address',
    what: 'The service does not know this page. Open it from its usual address.',
    way: 'reload',
  },
  'rate-limited': {
    title: 'Too many calls in a short time',
    what: 'Wait a minute, then try again.',
    way: 'retry',
  },
  'no-node': {
    title: 'Nobody is there to answer',
    what: 'The service is up, but the part that talks is not running. Try again in a moment.',
    way: 'retry',
  },
  'fleet-full': {
    title: 'Every line is busy',
    what: 'All places are taken just now. One may be free in a moment.',
    way: 'retry',
  },
  'node-timeout': {
    title: 'The call was not answered',
    what: 'The service took too long to pick up. Another try often works.',
    way: 'retry',
  },
  'node-failed': {
    title: 'The call could not be taken',
    what: 'Something went wrong where the call is answered. Another try often works.',
    way: 'retry',
  },
  'offer-refused': {
    title: 'Your browser and the service did not agree',
    what: 'A fresh page often helps; so does a newer browser.',
    way: 'reload',
  },
  misconfigured: {
    title: 'The service is not set up correctly',
    what: 'Nothing on your side is wrong. Whoever runs the service has to mend this.',
    way: 'retry',
  },
  'service-failed': {
    title: 'Something failed on our side',
    what: 'Nothing on your side is wrong. Please try again.',
    way: 'retry',
  },
  'credentials-refused': {
    title: 'The relay did not let this call in',
    what: 'Nothing on your side is wrong: the service’s pass was not accepted. Whoever runs it should check its clock and secret.',
    way: 'retry',
  },
  'relay-unreachable': {
    title: 'The sound could not get through',
    what: 'The relay did not answer. It may be down, or this network may block calls: try again, or try another network.',
    way: 'retry',
  },
  'direct-unreachable': {
    title: 'The sound could not get through',
    what: 'This network does not let the call pass. Try again, or try another network.',
    way: 'retry',
  },
  'ended-by-node': {
    title: 'The service ended the call',
    what: 'It heard nothing for a long while, or the call was ended elsewhere. You can call again.',
    way: 'retry',
  },
  lost: {
    title: 'The connection was lost',
    what: 'The call could not be brought back. Check your connection, then try again.',
    way: 'retry',
  },
}

export interface StatusWords {
  title: string
  hint: string
}

const STEPS: Record<ConnectingStep, StatusWords> = {
  mic: { title: 'Opening your microphone', hint: 'Your browser may ask you to allow it.' },
  answer: { title: 'Calling', hint: 'Finding someone to answer.' },
  relay: { title: 'Connecting', hint: 'Almost there.' },
}

const SLOW: StatusWords = {
  title: 'Still connecting',
  hint: 'This network is slow or loses a lot of what is sent. One moment more.',
}

/** What is said while it is still being tried, where that is not what is said in the end. */
export const DOUBTS: Partial<Record<FailureCode, StatusWords>> = {
  offline: {
    title: 'The service does not answer',
    hint: 'Check your internet connection. Still trying.',
  },
  'relay-unreachable': {
    title: 'The sound does not get through',
    hint: 'The relay does not answer: it may be down, or this network may block calls. Still trying; another network may help.',
  },
  'direct-unreachable': {
    title: 'The sound does not get through',
    hint: 'This network does not let the call pass so far. Still trying; another network may help.',
  },
}

const FLOORS: Record<Floor, StatusWords> = {
  nobody: { title: 'Listening', hint: 'Go ahead, say something.' },
  you: { title: 'Hearing you', hint: 'Pause when you are done.' },
  thinking: { title: 'Thinking', hint: 'An answer is on its way.' },
  reply: { title: 'Answering', hint: 'Talk over it whenever you like.' },
}

const ENDS: Record<EndReason, StatusWords> = {
  'hung-up': { title: 'Call ended', hint: 'Tap to talk again.' },
  handler: { title: 'Call ended', hint: 'The other side said goodbye.' },
}

/** What is happening, for `role="status"`. Changes with the call's state and with nothing else. */
export function statusWords(call: CallState): StatusWords {
  switch (call.status) {
    case 'idle':
      return { title: 'Ready when you are', hint: 'Tap once, talk, and hear an answer.' }
    case 'connecting':
      return call.step === 'late' ? late(call.doubt) : STEPS[call.step]
    case 'live':
      return call.notice === undefined || call.floor !== 'nobody'
        ? FLOORS[call.floor]
        : noticeWords(call.notice)
    case 'reconnecting':
      return reconnecting(call.forMs)
    case 'failed':
      return failureWords(call.failure)
    case 'ended':
      return { title: ENDS[call.why].title, hint: call.message || ENDS[call.why].hint }
    default:
      return call satisfies never
  }
}

function failureWords({ code }: CallFailure): StatusWords {
  const { title, what } = FAILURES[code]
  return { title, hint: what }
}

function late(doubt: CallFailure | undefined): StatusWords {
  if (!doubt) return SLOW
  return DOUBTS[doubt.code] ?? failureWords(doubt)
}

/** What stands in for "Listening" when the person should know something first. */
export function listeningWords(page: {
  detector: 'loading' | 'slow' | 'ready' | 'failed'
  muted: boolean
}): StatusWords | undefined {
  const { title } = FLOORS.nobody
  if (page.muted) return { title: 'Muted', hint: 'Nobody hears you until you unmute.' }
  switch (page.detector) {
    case 'loading':
      return { title, hint: 'Warming up, one moment.' }
    case 'slow':
      return { title, hint: 'Still warming up: hold the button below while you talk.' }
    case 'failed':
      return { title, hint: 'Your pauses go unnoticed here: hold the button below while you talk.' }
    case 'ready':
      return undefined
    default:
      return page.detector satisfies never
  }
}

/** The name of the large button. */
export function actionWords(call: CallState): string {
  switch (call.status) {
    case 'idle':
    case 'ended':
      return 'Start talking'
    case 'connecting':
      return 'Cancel'
    case 'live':
    case 'reconnecting':
      return 'Hang up'
    case 'failed':
      return WAYS[FAILURES[call.failure.code].way]
    default:
      return call satisfies never
  }
}

/** The path in three words: `Relay · UDP · 23 ms`. */
export function pathWords({ via, transport, rttMs }: CallPath): string {
  const words = [via === 'relay' ? 'Relay' : 'Direct', transport.toUpperCase()]
  if (rttMs !== undefined) words.push(rttMs < 1 ? '<1 ms' : `${rttMs} ms`)
  return words.join(' · ')
}

function noticeWords(notice: Notice): StatusWords {
  switch (notice.kind) {
    case 'turn-failed':
      return { title: 'That one went wrong', hint: `${notice.message} You can go on talking.` }
    case 'started-over':
      return { title: 'We are back', hint: 'But the conversation had to start over. Go ahead.' }
    default:
      return notice satisfies never
  }
}

/** What is said of a lost connection grows with the time it has been lost, in ms. */
function reconnecting(forMs: number): { title: string; hint: string } {
  if (forMs < 3_000) return { title: 'Reconnecting', hint: 'The connection dropped. One moment.' }
  if (forMs < 15_000) {
    return {
      title: 'Still reconnecting',
      hint: 'Your network, or the service, is away. The call comes back by itself.',
    }
  }
  return {
    title: 'Still trying',
    hint: 'Check your internet connection. The call comes back by itself within a minute.',
  }
}
