/**
 * A call that is lost comes back as the same conversation: the reply goes on from where it was heard, and
 * what was said meanwhile is answered.
 */
import { likeness, placeOf, soundStretches } from '../audio/heard.ts'
import { SAMPLE_RATE, speech } from '../audio/speech.ts'
import { expect, test, type CallerOptions, type LabCaller } from './fixtures.ts'
import { liveCaller } from './live-caller.ts'

const STORY =
  'Once upon a time there was a small green lamp that wanted to see the sea, so it walked all night and all day, until it was there.'
const SENTENCE = 'Hello, is anybody there?'
/** How much of a reply has been heard, of about seven seconds, when something happens. */
const HEARD_MS = 2_500
/** So many parts of the story are looked for, of some two seconds each. */
const WHOLE_PARTS = 4
/** How far off the place may be at which a reply goes on: what concealment adds, and what windows round. */
const SEAM_MS = 400

test.describe.configure({ timeout: 120_000 })

test('a reply goes on from where it was heard when the address changes', async ({ callerIn }) => {
  const story = await speech(STORY)
  const caller = await inTheMiddleOfAReply(callerIn, story)
  await caller.lab.join('mobile')
  await heardOn(caller, story)
  expect(await turnsTold(caller)).toEqual([1])
})

test('a reply is repeated from where it was heard by another node when its own is killed', async ({
  callerIn,
}) => {
  const story = await speech(STORY)
  const caller = await inTheMiddleOfAReply(callerIn, story)
  await caller.stack.node({ host: 'media2' })
  await caller.stack.killNode('media')
  await heardOn(caller, story)
  // It is the same turn, of the same conversation, on a node that had never heard of either.
  expect(await turnsTold(caller)).toEqual([1, 1])
})

test('what is said while there is no connection is answered', async ({ callerIn }) => {
  const said = await speech(SENTENCE)
  const caller = await liveCaller(callerIn)
  await caller.lab.cut()
  await expect(caller.status()).toContainText(/reconnecting/i, { timeout: 2_000 })
  await caller.say(said)
  expect(await eventsOf(caller, 'page: {"type":"speech.')).toEqual([])
  await caller.lab.restore()
  await expect(caller.status()).toContainText('Answering', { timeout: 15_000 })
  await expectEcho(caller, said)
})

test('a sentence that is cut in two by a lost connection is answered whole', async ({
  callerIn,
}) => {
  const story = await speech(STORY)
  const caller = await liveCaller(callerIn)
  const saying = caller.say(story)
  await expect(caller.status()).toContainText('Hearing you')
  await caller.page.waitForTimeout(1_500)
  await caller.lab.cut()
  await caller.page.waitForTimeout(2_000)
  await caller.lab.restore()
  await saying
  await expect(caller.status()).toContainText('Answering', { timeout: 20_000 })
  await expectWholeEcho(caller, story)
  expect(await turnsTold(caller)).toEqual([1])
  const [turn = ''] = await eventsOf(caller, 'node: {"type":"turn"')
  const turnMs = Number(/"ms":(\d+)/.exec(turn)?.[1])
  expect(turnMs).toBeGreaterThan(0.9 * (story.length / 48))
})

// --- the parts ---

async function inTheMiddleOfAReply(
  callerIn: (options: CallerOptions) => Promise<LabCaller>,
  story: Int16Array,
): Promise<LabCaller> {
  const caller = await liveCaller(callerIn)
  await caller.say(story)
  await expect(caller.status()).toContainText('Answering')
  await caller.page.waitForTimeout(HEARD_MS)
  return caller
}

/** The first connection has heard the beginning of the story, the second one goes on from there to its end. */
async function heardOn(caller: LabCaller, story: Int16Array): Promise<void> {
  const tail = story.slice(-2 * SAMPLE_RATE)
  const rest = async () => likeness(tail, (await caller.heard()).samples)
  await expect.poll(rest, { timeout: 25_000 }).toBeGreaterThan(0.6)

  const [first, second] = [await caller.heard(0), await caller.heard()]
  const began = placeOf(story.slice(0, 2 * SAMPLE_RATE), first.samples).at
  const firstSound = soundStretches({ at: 0, samples: first.samples }).at(-1)
  const secondSound = soundStretches({ at: 0, samples: second.samples }).at(0)
  const heardMs = (firstSound?.to ?? 0) - began / 48
  const tailAt = placeOf(tail, second.samples).at / 48
  const resumedMs = story.length / 48 - 2_000 - (tailAt - (secondSound?.from ?? 0))
  console.log(`Heard ${heardMs.toFixed()} ms of the reply, then from ${resumedMs.toFixed()} ms on`)
  expect(heardMs).toBeGreaterThan(HEARD_MS / 2)
  expect(Math.abs(resumedMs - heardMs)).toBeLessThan(SEAM_MS)
}

async function expectEcho(caller: LabCaller, said: Int16Array): Promise<void> {
  const alike = async () => likeness(said, (await caller.heard()).samples)
  await expect.poll(alike, { timeout: 20_000 }).toBeGreaterThan(0.6)
}

/**
 * Every part of what was said comes back. One may be unlike: a microphone that skips a moment on a busy
 * machine blurs the part in which it does, and of the whole at once everything after it.
 */
async function expectWholeEcho(caller: LabCaller, said: Int16Array): Promise<void> {
  const length = Math.floor(said.length / WHOLE_PARTS)
  const parts = Array.from({ length: WHOLE_PARTS }, (_, i) =>
    said.slice(i * length, (i + 1) * length),
  )
  const alike = async () => {
    const { samples } = await caller.heard()
    return parts.filter((part) => likeness(part, samples) > 0.6).length
  }
  await expect.poll(alike, { timeout: 20_000 }).toBeGreaterThanOrEqual(WHOLE_PARTS - 1)
}

async function turnsTold(caller: LabCaller): Promise<number[]> {
  const turns = await eventsOf(caller, 'node: {"type":"turn"')
  return turns.map((event) => Number(/"turn":(\d+)/.exec(event)?.[1]))
}

/** What was told on the data channels, with the page's clock before it. */
async function eventsOf(caller: LabCaller, what: string): Promise<string[]> {
  const events = await caller.page.evaluate(() => window.earshotEvents)
  return events.filter((event) => event.includes(what))
}
