/** Pure sample arithmetic. Imports nothing; holds no clock. */
export * from './frames.ts'
export * from './level.ts'
export * from './mu-law.ts'
export * from './pcm.ts'
export * from './resample.ts'
export * from './tone.ts'
export * from './wav.ts'
