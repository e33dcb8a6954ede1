/** Every word that two of the three programs share. Imports the schema library and nothing else. */
export * from './call-events.ts'
export * from './ice.ts'
export * from './join.ts'
export * from './node-frames.ts'
export * from './problems.ts'
export * from './secret.ts'
