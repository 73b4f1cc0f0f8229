/** A search with a limit of one's own, given up from outside: node abort.mjs MODEL DATA OUT */
import { PareError, search } from 'pare'

const [model, data, out] = process.argv.slice(2)
const controller = new AbortController()

try {
  await search(model, {
    data,
    out,
    maxDrop: 0.5,
    maxBytes: '25%',
    minutes: 1,
    signal: controller.signal,
    // Whatever it is that is waited for; here the first word of progress.
    onEvent: ({ event }) => event === 'progress' && controller.abort(),
  })
} catch (error) {
  if (!(error instanceof PareError) || error.code !== 'cancelled') throw error
  console.log('The search was given up; what was tried is kept, and “resume: true” goes on from it.')
}
