import type { Bindings } from './env.ts'
import type * as main from './index.ts'

declare global {
  namespace Cloudflare {
    interface Env extends Bindings {}
    interface GlobalProps {
      mainModule: typeof main
      durableNamespaces: 'Fleet'
    }
  }
}
