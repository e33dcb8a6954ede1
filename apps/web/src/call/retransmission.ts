/**
 * Has the browser send lost audio again when the node asks for it (generic NACK, RFC 4585). Chromium and
 * Firefox do so for audio where offer and answer both say it, and have no other switch for it than a line
 * added to the offer.
 */

/** The offer with that line for its Opus; as it is when it has the line already, or no Opus. */
export function withRetransmission(sdp: string): string {
  const [opus, payloadType] = /^a=rtpmap:(\d+) opus\/48000\/2\r\n/im.exec(sdp) ?? []
  if (opus === undefined) return sdp
  const line = `a=rtcp-fb:${payloadType} nack\r\n`
  return sdp.includes(line) ? sdp : sdp.replace(opus, opus + line)
}

/**
 * Sets the browser's own offer with that line, or without where the browser takes no offer but its own.
 * Then the node asks in vain, which it notices.
 */
export async function setOffer(
  pc: Pick<RTCPeerConnection, 'setLocalDescription'>,
  own: string,
): Promise<void> {
  const sdp = withRetransmission(own)
  try {
    await pc.setLocalDescription({ type: 'offer', sdp })
  } catch (error) {
    if (sdp === own) throw error
    await pc.setLocalDescription({ type: 'offer', sdp: own })
  }
}
