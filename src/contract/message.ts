/** What the sentences of an error are made of. */
import type { ErrorCode, ErrorData } from './errors'

export interface ErrorMessage {
  /** A few words for a heading. */
  title: string
  /** What happened, one or two plain sentences. */
  what: string
  /** The file, layer, parameter or step; empty where there is none. */
  where: string
  /** What to do next. */
  todo: string
}

/** Sentences of some codes. */
export type Messages<C extends ErrorCode = ErrorCode> = {
  [K in C]: (error: Extract<ErrorData, { code: K }>) => ErrorMessage
}
