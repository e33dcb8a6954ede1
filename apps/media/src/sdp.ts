/** The little of SDP that we read or change ourselves; pure text in, text out. */

const NEWLINE = /\r?\n/

/**
 * Removes every candidate of the offer.
 *
 * Media never sends the first packet: it has an address that the caller (or its relay) reaches, and
 * learns the caller's from the first check. So what the offer lists is of no use, `.local` names
 * cost seconds of look-ups, and a node must not be made to probe addresses that a stranger names.
 */
export function withoutCandidates(sdp: string): string {
  return joinLines(
    lines(sdp).filter(
      (line) => !line.startsWith('a=candidate:') && !line.startsWith('a=end-of-candidates'),
    ),
  )
}

/**
 * Sets the Opus parameters of an answer, which tell the caller how to send: in-band FEC, so that
 * a lost packet can be had from the next one, and DTX, so that silence costs it and us next to nothing.
 */
export function withOpusParameters(sdp: string): string {
  const all = lines(sdp)
  const payloadType = all
    .map((line) => /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1])
    .find((found) => found !== undefined)
  if (payloadType === undefined) return sdp
  const fmtp = `a=fmtp:${payloadType} `
  return joinLines(
    all
      .filter((line) => !line.startsWith(fmtp))
      .flatMap((line) =>
        line.startsWith(`a=rtpmap:${payloadType} `)
          ? [line, `${fmtp}minptime=10;useinbandfec=1;usedtx=1`]
          : [line],
      ),
  )
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** What the offer says of its first audio section; `undefined` when it has none that is live. */
export function audioDirection(sdp: string): Direction | undefined {
  const sections = sdp.split(/^(?=m=)/m)
  const audio = sections.find((section) => /^m=audio (?!0 )/.test(section))
  if (audio === undefined) return undefined
  const found = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m
  return (found.exec(audio)?.[1] ?? found.exec(sections[0] ?? '')?.[1] ?? 'sendrecv') as Direction
}

/** Does the offer carry Opus at 48 kHz? */
export function offersOpus(sdp: string): boolean {
  return /^a=rtpmap:\d+ opus\/48000/im.test(sdp)
}

/** Does the offer have a section for data channels? An ordinary WHIP client's has none. */
export function offersData(sdp: string): boolean {
  return /^m=application (?!0 )/m.test(sdp)
}

function lines(sdp: string): string[] {
  return sdp.split(NEWLINE).filter((line) => line !== '')
}

function joinLines(all: string[]): string {
  return all.map((line) => `${line}\r\n`).join('')
}
