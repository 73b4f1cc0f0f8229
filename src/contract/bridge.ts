/**
 * What the preload puts on the window under Electron. Errors travel as data inside an answer, because the
 * context bridge would flatten a thrown error to its message.
 */
import type { ErrorData } from './errors'
import type { EventName } from './app'
import type { FileRef } from './project'

export type Answer<T = unknown> = { ok: T } | { error: ErrorData }

export interface Bridge {
  invoke(method: string, input: unknown): Promise<Answer>
  /** Gives a function that ends the listening. */
  on(event: EventName, listener: (data: unknown) => void): () => void
  /** Browser `File` objects dropped on the page; folders are handed over as one. */
  adopt(files: readonly unknown[]): Promise<Answer<FileRef[]>>
}

export const CHANNELS = { invoke: 'pare:invoke', event: 'pare:event', adopt: 'pare:adopt' } as const
