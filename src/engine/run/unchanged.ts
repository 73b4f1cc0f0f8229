/** Whether what a run was started with is still there: figures must not belong to two different files. */
import fs from 'node:fs'
import { PareError } from '../../contract/errors'

/** Changes with what a file holds, and with what lies in a folder; undefined where there is none. */
export const stampOf = (file: string): string | undefined => {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat && `${stat.ino} ${stat.size} ${stat.mtimeMs}`
}

/**
 * Gives a check that throws `model/changed-on-disk` or `data/gone` once the model, or the file or folder of data,
 * is not what it was when this was called.
 */
export function unchanged(model: string, data?: string): () => void {
  const before = { model: stampOf(model), data: data && stampOf(data) }
  return () => {
    if (stampOf(model) !== before.model) throw new PareError('model/changed-on-disk', { file: model })
    if (data && stampOf(data) !== before.data) throw new PareError('data/gone', { path: data })
  }
}
