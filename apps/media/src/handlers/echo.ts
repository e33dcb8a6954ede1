import { replyOnPause } from '../handler.ts'

/** Says the turn back. */
export const echo = replyOnPause(
  () =>
    async function* (turn) {
      yield turn.audio
    },
)
