import type { FromNode, Kept } from '@earshot/protocol'
import type { MediaNode } from '../src/node.ts'

/** The fleet's end of a node in the same process: keeps its frames and hands its answers over. No seats. */
export class TestFleet {
  readonly frames: FromNode[] = []
  readonly #waiting = new Map<string, (frame: FromNode) => void>()

  /** For the node's `tellFleet`. */
  readonly tell = (frame: FromNode): boolean => {
    this.frames.push(frame)
    if ('call' in frame) this.#waiting.get(frame.call)?.(frame)
    return true
  }

  /**
   * For a caller's `exchange`: offers to `node`; rejects when it refuses. A rejoin names the
   * `conversation`, and what was kept of it.
   */
  exchange(
    node: MediaNode,
    call: string,
    conversation = call,
    resume?: Kept,
  ): (offer: string) => Promise<string> {
    return (sdp) =>
      new Promise((resolve, reject) => {
        this.#waiting.set(call, (frame) => {
          if (frame.type === 'answer') resolve(frame.sdp)
          if (frame.type === 'refuse') reject(new Error(`refused: ${frame.reason}`))
        })
        const offer = { type: 'offer', call, sdp, conversation } as const
        void node.offer(resume ? { ...offer, resume } : offer)
      })
  }
}
