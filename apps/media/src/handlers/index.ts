import type { HandlerDefinition } from '../handler.ts'
import { echo } from './echo.ts'
import { loopback } from './loopback.ts'
import { tone } from './tone.ts'

/** Every handler that `HANDLER` can name. Add yours here. */
export const handlers: Readonly<Record<string, HandlerDefinition>> = { echo, loopback, tone }
