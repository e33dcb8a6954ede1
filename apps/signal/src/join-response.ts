/** How a placed call is told to its caller. */
import { RESUME_HEADER, type IceConfiguration, type Joined } from '@earshot/protocol'
import type { NodeReach } from './seats.ts'
import type { TurnCredentials } from './turn-credentials.ts'

/** What a page hands to `RTCPeerConnection` to reach a node. */
export function iceConfiguration(
  { turnUrls, direct }: NodeReach,
  credentials: TurnCredentials,
): IceConfiguration {
  return {
    iceServers: turnUrls.length === 0 ? [] : [{ urls: [...turnUrls], ...credentials }],
    // Without a relay, insisting on one would rule out every path.
    iceTransportPolicy: direct || turnUrls.length === 0 ? 'all' : 'relay',
  }
}

/**
 * `Link` header values, one a URL, as WHIP has them (RFC 9725, section 4.6).
 *
 * Nothing needs escaping: TURN URLs are checked when a node says them, the username is digits and a
 * call id, and the credential is Base64.
 */
export function iceLinks({ iceServers }: IceConfiguration): string[] {
  return iceServers.flatMap(({ urls, username, credential }) =>
    urls.map(
      (url) =>
        `<${url}>; rel="ice-server"; username="${username}"; credential="${credential}"; ` +
        'credential-type="password"',
    ),
  )
}

/** `201 Created`, as JSON or as the SDP answer alone; the rest of use to both is in the headers. */
export function joinedResponse(joined: Joined, format: string): Response {
  const json = format === 'application/json'
  const headers = new Headers({
    'Content-Type': json ? 'application/json' : 'application/sdp',
    'Cache-Control': 'no-store',
    Location: `/v1/calls/${joined.call}`,
    [RESUME_HEADER]: joined.resume,
  })
  for (const link of iceLinks(joined.configuration)) headers.append('Link', link)
  return new Response(json ? JSON.stringify(joined) : joined.answer, { status: 201, headers })
}
