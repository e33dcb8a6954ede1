import * as v from 'valibot'

/** One entry of `RTCConfiguration.iceServers`. */
export const iceServerSchema = v.object({
  urls: v.array(v.string()),
  username: v.optional(v.string()),
  credential: v.optional(v.string()),
})

/**
 * What a page hands to `RTCPeerConnection.setConfiguration()` as it is.
 *
 * `relay` when the node can be reached through its TURN server alone, `all` when it also offers a
 * direct address.
 */
export const iceConfigurationSchema = v.object({
  iceServers: v.array(iceServerSchema),
  iceTransportPolicy: v.picklist(['all', 'relay']),
})

export type IceServer = v.InferOutput<typeof iceServerSchema>
export type IceConfiguration = v.InferOutput<typeof iceConfigurationSchema>

const TURN_URL =
  /^turns?:(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?$/i

/**
 * A TURN URI as RFC 7065 writes it, with at most the `transport` parameter. The longest host name
 * has 253 characters; the fleet keeps four of these in the 2 KB that it may remember of a node.
 */
export const turnUrlSchema = v.pipe(
  v.string(),
  v.maxLength(300, 'must have 300 characters at most'),
  v.regex(TURN_URL, 'must look like turn:host:3478?transport=udp or turns:host:443?transport=tcp'),
)

/** More than four URLs slow down discovery in Firefox, which counts (and warns) per URL. */
export const MAX_TURN_URLS = 4
