/** The only file that knows the logging library. One line a lifecycle step at `info`; no secrets, ever. */
import { pino } from 'pino'

export type Log = Pick<ReturnType<typeof pino>, 'debug' | 'info' | 'warn' | 'error' | 'child'>

/** JSON lines on stdout, written before the call returns so that the last line before an exit is there. */
export function createLog(level: string, base: Record<string, unknown>): Log {
  return pino({
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}
