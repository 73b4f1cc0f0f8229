/** What is said of a run while it goes on. */
import type { JobEvent } from '../service'
import { seconds } from './output'
import type { Session } from './session'

export const sayStep =
  (session: Session) =>
  (event: JobEvent): void => {
    if (event.event !== 'step') return
    const { pass, summary, seconds: took, failed, skipped } = event.data.record
    session.say(`${failed ? '✗' : '✓'} ${pass} (${seconds(took)}): ${summary}`)
    const [first] = skipped
    if (first)
      session.say(
        `  left alone: ${first.layer} (${first.reason})${skipped.length > 1 ? ` and ${skipped.length - 1} more` : ''}`,
      )
  }
