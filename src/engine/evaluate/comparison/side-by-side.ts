/** An original and candidates on the same batches, one batch at a time: what every comparison of models stands on. */
import type { Batches } from '../../data/feeds'
import type { Model } from '../../onnx'
import { openSession, type Session, type SessionOptions, type Values } from '../../runtime'

interface SideBySide {
  session: SessionOptions
  /** Values looked at; by default the outputs. */
  fetches?: readonly string[]
  /** Called after each batch; may throw to stop. */
  progress?(batch: number): void
}

/** Calls `visit` with what the original and each candidate, by its place, give for each batch. */
export async function sideBySide(
  original: Model | string,
  candidates: readonly (Model | string)[],
  batches: Batches,
  visit: (reference: Values, actual: Values, candidate: number, feeds: Values) => void,
  { session, fetches, progress }: SideBySide,
): Promise<void> {
  const sessions: Session[] = []
  try {
    for (const model of [original, ...candidates]) sessions.push(await openSession(model, session))
    let batch = 0
    for await (const feeds of batches()) {
      const reference = await sessions[0]!.run(feeds, fetches)
      for (const [i, candidate] of sessions.slice(1).entries())
        visit(reference, await candidate.run(feeds, fetches), i, feeds)
      progress?.(batch++)
    }
  } finally {
    for (const one of sessions) await one.release()
  }
}
