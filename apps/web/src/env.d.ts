/** Where the voice detector's worklet and model are: `/vad/<version>/`. */
declare const __VAD_BASE__: string
