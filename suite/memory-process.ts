/** A process of its own that looks at a model or runs it, and tells how much memory it took at most. */
import { peakResident } from '../src/engine/evaluate/memory'
import { inspectModel } from '../src/engine/layers/costs/inspect'
import { withSession } from '../src/engine/runtime/session'
import type { MemoryTask } from './support/memory'

process.on('message', ({ model, feeds }: MemoryTask) => {
  const work = feeds ? withSession(model, {}, (session) => session.run(feeds)) : inspectModel(model)
  work.then(
    () => process.send!(peakResident(), () => process.exit(0)),
    () => process.exit(1),
  )
})
