import { onEveryFrame } from '../handler.ts'

/** Returns every frame as it comes: no turns, so what is heard is the path's own latency. */
export const loopback = onEveryFrame(() => (frame) => frame)
