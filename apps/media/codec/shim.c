/*
 * The few calls that src/opus.ts makes, in place of libopus' own API:
 * variadic `*_ctl` functions cannot be exported from WebAssembly, and a fixed pair of
 * scratch buffers saves the caller a malloc and a free around every packet.
 *
 * Calls are synchronous and the module has one thread, so one pair of buffers serves
 * every encoder and decoder. Negative results are libopus error codes.
 */
#include <stddef.h>
#include <stdint.h>
#include <emscripten.h>
#include <opus.h>

#define EXPORT EMSCRIPTEN_KEEPALIVE

enum {
  RATE = 48000,
  CHANNELS = 1,
  PCM_SAMPLES = 5760,  /* 120 ms, the longest packet there is */
  PACKET_BYTES = 8192, /* far above an MTU: whatever a datagram can carry fits */
  ENCODED_BYTES = 1275 /* the largest single frame, RFC 6716 section 3.2 */
};

static opus_int16 pcm[PCM_SAMPLES];
static unsigned char packet[PACKET_BYTES];

/* Memory growth would otherwise be announced through an import; opus.ts looks for itself. */
void emscripten_notify_memory_growth(intptr_t index) { (void)index; }

EXPORT opus_int16 *pcm_buffer(void) { return pcm; }
EXPORT unsigned char *packet_buffer(void) { return packet; }
EXPORT int packet_capacity(void) { return PACKET_BYTES; }

/* 0 when out of memory. */
EXPORT OpusDecoder *decoder_create(void) {
  return opus_decoder_create(RATE, CHANNELS, NULL);
}

EXPORT void decoder_destroy(OpusDecoder *decoder) { opus_decoder_destroy(decoder); }

/* Reads `bytes` of the packet buffer, 0 to conceal a loss; returns samples written. */
EXPORT int decode(OpusDecoder *decoder, int bytes, int samples, int fec) {
  return opus_decode(decoder, bytes ? packet : NULL, bytes, pcm, samples, fec);
}

/* 0 when out of memory or when libopus refuses a setting. */
EXPORT OpusEncoder *encoder_create(int bitrate, int complexity, int fec, int loss, int dtx) {
  OpusEncoder *encoder = opus_encoder_create(RATE, CHANNELS, OPUS_APPLICATION_VOIP, NULL);
  if (!encoder) return NULL;
  if (opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) ||
      opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate)) ||
      opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity)) ||
      opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(fec)) ||
      opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(loss)) ||
      opus_encoder_ctl(encoder, OPUS_SET_DTX(dtx))) {
    opus_encoder_destroy(encoder);
    return NULL;
  }
  return encoder;
}

EXPORT void encoder_destroy(OpusEncoder *encoder) { opus_encoder_destroy(encoder); }

/* Reads `samples` of the PCM buffer; returns bytes written to the packet buffer. */
EXPORT int encode(OpusEncoder *encoder, int samples) {
  return opus_encode(encoder, pcm, samples, packet, ENCODED_BYTES);
}
