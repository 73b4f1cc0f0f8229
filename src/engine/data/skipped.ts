/** Files of a folder that could not be read: skipped, counted and named. */
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { sizeOf, type ValueInfo } from '../onnx'
import { castData } from './convert'
import { selectRows } from './label-column'
import type { MediaFiles } from './media-files'
import type { Reading } from './source'
import type { Watch } from './spool'

const NAMED = 5
const PARALLEL = 16

export class SkippedFiles {
  private readonly reasons = new Map<string, string>()

  constructor(readonly noun: string) {}

  get count(): number {
    return this.reasons.size
  }

  add(file: string, cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause)
    this.reasons.set(file, message.split('\n', 1)[0]!)
  }

  get notes(): string[] {
    if (this.count === 0) return []
    const names = [...this.reasons.keys()].slice(0, NAMED).join(', ')
    const more = this.count > NAMED ? `, and ${this.count - NAMED} more` : ''
    return [`${this.count} ${this.noun} could not be read and are skipped: ${names}${more}.`]
  }

  /** For a folder of which nothing could be read. */
  error(folder: string): PareError {
    const [first] = this.reasons
    const example = first ? ` (${first[0]}: ${first[1]})` : ''
    return new PareError('data/unreadable', {
      path: folder,
      reason: `none of its ${this.count} ${this.noun} can be read${example}`,
    })
  }
}

/**
 * The files of a batch as the model's one input, cast to its type: `inner` is the shape of one sample, `place`
 * writes it from index `at` on. Files that could not be decoded are left out, and `kept` names the others.
 */
export function readingOf<T>(
  decoded: readonly (T | undefined)[],
  { name, dtype = 'float32' }: ValueInfo,
  inner: readonly number[],
  place: (sample: T, into: Float32Array, at: number) => void,
): Reading {
  const good = decoded.flatMap((sample, i) => (sample === undefined ? [] : [i]))
  const size = sizeOf(inner)
  const data = new Float32Array(good.length * size)
  for (const [row, i] of good.entries()) place(decoded[i]!, data, row * size)
  const dims = [good.length, ...inner]
  const inputs = { [name]: { dtype, dims, data: castData({ dtype: 'float32', dims, data }, dtype) } }
  return good.length === decoded.length ? { inputs } : { inputs, kept: good }
}

/** The files that pass `check`, with their labels; the others are noted in `skipped`. */
export async function withoutSkipped(
  listed: MediaFiles,
  skipped: SkippedFiles,
  check: ((file: string) => Promise<unknown>) | undefined,
  { signal, progress }: Watch = {},
): Promise<MediaFiles> {
  if (!check) return listed
  const good: number[] = []
  for (let from = 0; from < listed.files.length; from += PARALLEL) {
    signal?.throwIfAborted()
    progress?.(from / listed.files.length, `Looking at ${skipped.noun}`)
    const results = await Promise.allSettled(
      listed.files.slice(from, from + PARALLEL).map((file) => check(path.join(listed.root, file))),
    )
    for (const [i, result] of results.entries())
      if (result.status === 'fulfilled') good.push(from + i)
      else skipped.add(listed.files[from + i]!, result.reason)
  }
  if (good.length === listed.files.length) return listed
  const { labels } = listed
  const kept: MediaFiles['labels'] =
    labels?.kind === 'rows'
      ? { kind: 'rows', rows: selectRows(labels.rows, good) }
      : labels && { ...labels, of: Int32Array.from(good, (i) => labels.of[i]!) }
  return { ...listed, files: good.map((i) => listed.files[i]!), ...(kept && { labels: kept }) }
}
