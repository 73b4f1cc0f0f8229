/** Entry of the process that measures the memory of one session: takes a request, answers, is ended. */
import { errorData } from '../contract/errors'
import { probeHere, type ProbeAnswer, type ProbeRequest } from './evaluate/memory'

process.once('message', (request: ProbeRequest) => {
  const answer = (value: ProbeAnswer): void => void process.send?.(value)
  probeHere(request).then(
    (reply) => answer({ ok: true, ...reply }),
    (cause: unknown) => answer({ ok: false, error: errorData(cause) }),
  )
})
