/** The worker: the routes, and the Durable Object class that the runtime looks for here. */
import { app } from './app.ts'

export { Fleet } from './fleet.ts'
export default app
