/**
 * Passes that other runs and trials have finished, by the key of all that decides them (`basis.ts`, and the steps up to
 * this one). An entry is a file of what its steps said, written after the model; one that is not whole does not count.
 * Several processes may share the folder: what is taken from it is linked or copied first, so that none loses a model
 * that another puts away.
 */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { onDisk } from '../../contract/errors'
import type { StepRecord } from '../../contract/report'
import { diskBudget } from '../onnx/budget'
import { leftIn } from '../../disk/left'
import { writeJson } from '../../disk/write'
import { readJson } from './files'
import { WrittenFile } from './state'

/** Bytes that are kept at most, those used last; never more than half of what the disk has free. */
const MOST_BYTES = 1e9

const Entry = z.object({
  key: z.string(),
  /** Of each step, with their keys. */
  steps: z.array(z.object({ key: z.string(), record: z.record(z.string(), z.unknown()) })).min(1),
  /** Names in the folder; the model first. */
  files: z.array(WrittenFile).min(1),
})

interface CachedStep {
  key: string
  record: StepRecord
}

interface CachedPass {
  steps: CachedStep[]
  files: readonly WrittenFile[]
}

export interface PassCache {
  find(key: string): CachedPass | undefined
  /** Links or copies the files of an entry into a folder; false where they are gone. */
  take(files: readonly WrittenFile[], folder: string): boolean
  /** `files` as they were written in `folder`. What does not fit is not kept. */
  keep(key: string, steps: readonly CachedStep[], files: readonly WrittenFile[], folder: string): void
}

/** Puts a file where another may be, whole at any moment. */
export function linkOrCopy(from: string, to: string): void {
  const temporary = `${to}.${process.pid}.tmp`
  fs.rmSync(temporary, { force: true })
  try {
    try {
      fs.linkSync(from, temporary)
    } catch {
      fs.copyFileSync(from, temporary)
    }
    fs.renameSync(temporary, to)
  } finally {
    // rename(2) does nothing where both names are of one file already.
    fs.rmSync(temporary, { force: true })
  }
}

export function passCache(folder: string, most = MOST_BYTES): PassCache {
  onDisk(folder, () => fs.mkdirSync(folder, { recursive: true }))
  for (const { name } of leftIn(folder, /\.(\d+)\.tmp$/)) fs.rmSync(path.join(folder, name), { force: true })
  const entryOf = (key: string): string => path.join(folder, `${key}.json`)
  const find = (key: string): CachedPass | undefined => {
    const found = Entry.safeParse(readJson(entryOf(key))).data
    return found?.key === key ? { ...found, steps: found.steps as unknown as CachedStep[] } : undefined
  }
  /** What describes a model goes before it. */
  const drop = (key: string): void => {
    for (const ending of ['json', 'onnx', 'onnx.data'])
      fs.rmSync(path.join(folder, `${key}.${ending}`), { force: true })
  }
  return {
    find,
    take(files, into) {
      try {
        for (const { name } of files)
          linkOrCopy(path.join(folder, path.basename(name)), path.join(into, path.basename(name)))
        const entry = entryOf(path.basename(files[0]!.name, '.onnx'))
        fs.utimesSync(entry, new Date(), new Date())
        return true
      } catch {
        // Put away meanwhile, or there is no room for it here: it is made anew.
        return false
      }
    },
    keep(key, steps, files, from) {
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
      const room = Math.min(most, diskBudget(folder))
      if (bytes > room || find(key)) return
      onDisk(folder, () => {
        shrink(folder, room - bytes, drop)
        for (const { name } of files)
          linkOrCopy(path.join(from, path.basename(name)), path.join(folder, path.basename(name)))
        writeJson(entryOf(key), { key, steps, files })
      })
    },
  }
}

/** Puts away what was used longest ago until no more than `most` bytes are left. */
function shrink(folder: string, most: number, drop: (key: string) => void): void {
  const entries = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const file = path.join(folder, name)
      const used = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs
      const found = Entry.safeParse(readJson(file)).data
      const bytes = found?.files.reduce((sum, one) => sum + one.bytes, 0) ?? 0
      return used === undefined ? [] : [{ key: path.basename(name, '.json'), used, bytes }]
    })
    .sort((a, b) => a.used - b.used || (a.key < b.key ? -1 : 1))
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { key, bytes } of entries) {
    if (total <= most) return
    drop(key)
    total -= bytes
  }
}
