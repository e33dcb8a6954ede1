/** Whatever names a step; never a credential, a token or an SDP (it holds the caller's addresses). */
export type LogFields = Readonly<Record<string, string | number | boolean>>

/** One JSON line for one step in the life of a call or of a node. */
export function log(level: 'info' | 'warn' | 'error', event: string, fields: LogFields = {}): void {
  // The runtime stamps the time, the request and the version on every line itself.
  console[level](JSON.stringify({ level, event, ...fields }))
}

/** The name and message of anything thrown, for a log line: no stack. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
}
