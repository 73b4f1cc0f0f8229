/** Messages between threads: arrays move instead of being cloned, and errors arrive as what they were. */
import type { TransferListItem } from 'node:worker_threads'
import { PareError, toError, type ErrorData } from '../../contract/errors'

type Parcel<T> = [message: T, moved: TransferListItem[]]

type Numbers = Float32Array | Uint8Array
const isNumbers = (value: unknown): value is Numbers =>
  value instanceof Float32Array || value instanceof Uint8Array

/**
 * The message with copies of its arrays, which move. A clone would take all of the buffer below a view, as far as
 * the whole model, and copy it twice.
 */
export function copied<T extends object>(message: T): Parcel<T> {
  const entries = Object.entries(message).map(([key, value]) => [
    key,
    isNumbers(value) ? value.slice() : (value as unknown),
  ])
  return given(Object.fromEntries(entries) as T)
}

/** The message with its arrays, of one object within it too, which the sender loses. */
export function given<T extends object>(message: T): Parcel<T> {
  const buffers = new Set<ArrayBuffer>()
  const collect = (value: object, deeper: boolean): void => {
    for (const item of Object.values(value) as unknown[])
      if (isNumbers(item)) buffers.add(item.buffer as ArrayBuffer)
      else if (deeper && typeof item === 'object' && item !== null) collect(item, false)
  }
  collect(message, true)
  return [message, [...buffers]]
}

/** Cloning keeps JavaScript's own kinds of errors; ours travels as its data. */
export type Failure = { data: ErrorData } | { error: unknown }

export const failureOf = (error: unknown): Failure =>
  error instanceof PareError ? { data: error.data } : { error }

export const errorOf = (failure: Failure): unknown =>
  'data' in failure ? toError(failure.data) : failure.error
