/** Small state on disk, read by schema: what is damaged is told. */
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { z } from 'zod'
import { onDisk, PareError } from '../contract/errors'
import { namesIn } from '../disk/left'

export const newId = (): string => randomUUID().replaceAll('-', '').slice(0, 20)

/** On a disk that is full or may not be written to there is still much to look at; the next start tries again. */
export function ifDiskAllows(work: () => void): void {
  try {
    onDisk('', work)
  } catch (cause) {
    if (!(cause instanceof PareError)) throw cause
  }
}

/** Told of a file that is there and does not hold what it should, and why; takes care that it is not written over. */
export type Damaged = (file: string, reason: string) => void

/** Undefined where the file is absent or `damaged`. */
export function readJson<S extends z.ZodType>(
  file: string,
  schema: S,
  damaged: Damaged,
): z.output<S> | undefined {
  let value: unknown
  try {
    value = JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'EISDIR') damaged(file, 'a folder lies where the file should be')
    else if (code !== 'ENOENT') damaged(file, code ? message : `it is not JSON: ${message}`)
    return undefined
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  damaged(file, `${issue!.path.join('.') || 'the file'}: ${issue!.message}`)
  return undefined
}

/** Every JSON file of a folder, by name without its ending, which must be the id in it. */
export function readJsonFolder<S extends z.ZodType<{ id: string }>>(
  folder: string,
  schema: S,
  damaged: Damaged,
): Map<string, z.output<S>> {
  const found = new Map<string, z.output<S>>()
  for (const name of namesIn(folder).filter((one) => one.endsWith('.json'))) {
    const value = readJson(path.join(folder, name), schema, damaged)
    const id = name.slice(0, -'.json'.length)
    if (value?.id === id) found.set(id, value)
    else if (value)
      damaged(path.join(folder, name), `id: it is “${value.id}”, and the file belongs to “${id}”`)
  }
  return found
}
