/** The engine in this process: its messages are copied and come later, as between processes. */
import { HANDLERS } from '../src/engine/jobs/handlers'
import type { JobHandlers } from '../src/engine/jobs/job'
import { serve } from '../src/engine/jobs/serve'
import type { EngineExit, EngineProcess } from '../src/service'

type Listener = (message: unknown) => void

export function engineHere(handlers: JobHandlers = HANDLERS): EngineProcess {
  let [toHost, toEngine]: Listener[] = [() => undefined, () => undefined]
  let ended: (exit: EngineExit) => void = () => undefined
  let alive = true
  const deliver = (message: unknown, to: () => Listener): void => {
    const copy = structuredClone(message)
    setImmediate(() => alive && to()(copy))
  }
  serve(
    {
      post: (message) => deliver(message, () => toHost!),
      onMessage: (listener) => (toEngine = listener),
    },
    handlers,
  )
  return {
    post: (message) => deliver(message, () => toEngine!),
    onMessage: (listener) => (toHost = listener),
    onExit: (listener) => (ended = listener),
    kill: () => {
      if (!alive) return
      alive = false
      ended({ code: null, signal: 'SIGKILL', log: '' })
    },
  }
}
