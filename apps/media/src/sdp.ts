/** The little of SDP that we read or change ourselves; pure text in, text out. */

const NEWLINE = /\r?\n/
/** Of a candidate's priority (RFC 8445, section 5.1.2.1). */
const LOCAL_PREFERENCE_STEP = 256

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

/**
 * Offers, before each host candidate of `own`, the address that a 1:1 NAT holds for it. `own` stays: a
 * relay on the same machine reaches us by it, and few clouds let a machine reach its public address.
 */
export function withPublicAddress(sdp: string, own: string, publicAddress: string): string {
  return joinLines(
    lines(sdp).flatMap((line) => {
      const found = /^a=candidate:\S+ (?<component>\d+) udp (?<priority>\d+) (?<address>\S+) /.exec(
        line,
      )
      const { component = '', priority = '', address } = found?.groups ?? {}
      if (!found || address !== own) return [line]
      const rest = line.slice(found[0].length)
      // No two candidates may have one priority: ours comes after, by one step of local preference.
      return [
        `a=candidate:public ${component} udp ${priority} ${publicAddress} ${rest}`,
        line.replace(` udp ${priority} `, ` udp ${Number(priority) - LOCAL_PREFERENCE_STEP} `),
      ]
    }),
  )
}

/** What is wrong with an offer that no retry will make better, in words for the caller. */
export function problemWith(offer: string): string | undefined {
  const direction = audioDirection(offer)
  if (direction === undefined) return 'the offer has no audio section'
  if (direction === 'recvonly' || direction === 'inactive') {
    return `the offer's audio is ${direction}: a caller has to send audio`
  }
  if (!leavesDtlsToUs(offer)) {
    return 'the offer says a=setup:active: the node opens DTLS, offer actpass'
  }
  return offersOpus(offer) ? undefined : 'the offer has no Opus at 48 kHz'
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** What the offer says of its first audio section; `undefined` when it has none that is live. */
export function audioDirection(sdp: string): Direction | undefined {
  const audio = section(sdp, 'audio')
  if (audio === undefined) return undefined
  const found = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m
  const session = sdp.split(/^m=/m)[0] ?? ''
  return (found.exec(audio)?.[1] ?? found.exec(session)?.[1] ?? 'sendrecv') as Direction
}

/** Does the offer carry Opus at 48 kHz? */
export function offersOpus(sdp: string): boolean {
  return /^a=rtpmap:\d+ opus\/48000/im.test(sdp)
}

/**
 * Does the offer let us ask for packets of its Opus again (generic NACK, RFC 4585)? The answer says the
 * same: the library repeats what the offer says of the codec.
 */
export function offersNack(sdp: string): boolean {
  const audio = section(sdp, 'audio') ?? ''
  const payloadType = /^a=rtpmap:(\d+) opus\/48000/im.exec(audio)?.[1]
  return new RegExp(`^a=rtcp-fb:(?:${payloadType}|\\*) nack\\s*$`, 'm').test(audio)
}

/** Does the offer leave it to us to open DTLS? Browsers do (`actpass`), and the library does nothing else. */
export function leavesDtlsToUs(sdp: string): boolean {
  return !/^a=setup:active\s*$/m.test(sdp)
}

/** Does the offer have a section for data channels? An ordinary WHIP client's has none. */
export function offersData(sdp: string): boolean {
  return section(sdp, 'application') !== undefined
}

/**
 * The first section of that kind that is not rejected. Port 0 rejects it, unless it is to share the
 * transport of another (RFC 8843, section 6): so offers Firefox all but the first.
 */
function section(sdp: string, kind: 'audio' | 'application'): string | undefined {
  return sdp
    .split(/^(?=m=)/m)
    .filter((text) => text.startsWith(`m=${kind} `))
    .find((text) => !text.startsWith(`m=${kind} 0 `) || /^a=bundle-only\s*$/m.test(text))
}

function lines(sdp: string): string[] {
  return sdp.split(NEWLINE).filter((line) => line !== '')
}

function joinLines(all: string[]): string {
  return all.map((line) => `${line}\r\n`).join('')
}
