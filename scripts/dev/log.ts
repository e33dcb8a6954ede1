/** The log of a development run: one short line for what a person wants to know. */
import type { WriteStream } from 'node:tty'

export interface Printer {
  readonly edge: (line: string) => void
  readonly relay: (line: string) => void
  readonly media: (line: string) => void
  readonly note: (text: string) => void
  readonly problem: (text: string) => void
  /** What the parts say while they are ended is not shown. */
  readonly ending: () => void
  /** The one URL. What the parts say is shown from here on; before, only if one fails. */
  readonly ready: (url: string, handler: string) => void
}

export function printer(out: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean }): Printer {
  let isReady = false
  const paint = (code: number, text: string): string =>
    out.isTTY ? `\u001B[${code}m${text}\u001B[0m` : text
  const line = (part: string, text: string): void => {
    out.write(`${paint(2, part.padEnd(6))} ${text}\n`)
  }
  return {
    edge: (text) => {
      if (isReady && text.trim() !== '') line('edge', text)
    },
    relay: (text) => {
      if (isReady && /error|warning|cannot/i.test(text)) line('relay', text)
    },
    media: (text) => {
      if (isReady) line('media', mediaLine(text))
    },
    note: (text) => void out.write(`${text}\n`),
    problem: (text) => void out.write(`${paint(31, text)}\n`),
    ending: () => {
      isReady = false
      out.write('Ending …\n')
    },
    ready: (url, handler) => {
      isReady = true
      out.write(`\nEarshot is ready: ${paint(1, url)}  (handler: ${handler}, Ctrl-C ends it)\n\n`)
    },
  }
}

/** A JSON line of the media node as people read it: `12:03:44 answered call=global-… ms=23`. */
export function mediaLine(text: string): string {
  const fields = parse(text)
  if (fields === undefined) return text
  const { level, time, msg, node: _, region: __, ...rest } = fields
  const clock = typeof time === 'string' ? `${time.slice(11, 19)} ` : ''
  const loud = level === 'warn' || level === 'error' ? `${level}: ` : ''
  const pairs = Object.entries(rest).map(([name, value]) => `${name}=${short(value)}`)
  return [`${clock}${loud}${short(msg ?? '')}`, ...pairs].join(' ')
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 119)}…` : text
}

function parse(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return { ...(JSON.parse(text) as object) }
  } catch {
    return undefined
  }
}
