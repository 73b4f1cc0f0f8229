/** What a Pare that was killed left half done in the app's own folder, and nothing will ever name again. */
import fs from 'node:fs'
import path from 'node:path'
import { isAlive, namesIn } from '../disk/left'
import type { Core } from './core'
import { ifDiskAllows } from './storage'

/** Temporary files and folders carry the process that writes them. */
const TEMPORARY = /\.(\d+)\.tmp$/

/** What cannot be removed is in nobody's way. */
const remove = (file: string): void => ifDiskAllows(() => fs.rmSync(file, { recursive: true, force: true }))

function sweepTemporary(folder: string): void {
  for (const name of namesIn(folder)) {
    const pid = Number(TEMPORARY.exec(name)?.[1])
    if (pid > 0 && (pid === process.pid || !isAlive(pid))) remove(path.join(folder, name))
  }
}

/** Files of a candidate lie there until all of them can be put in place; a run that goes on writes them anew. */
function sweepStaged(candidates: string): void {
  for (const n of namesIn(candidates)) remove(path.join(candidates, n, '.new'))
}

/**
 * Removes it, before anything runs. What a file that was set aside may name is left alone: it may be put right again.
 */
export function sweep({ dataDir, store, files, aside }: Core): void {
  for (const folder of [
    '',
    'projects',
    'set-aside',
    'sensitivity',
    'passes',
    'files/records',
    'files/unpacked',
  ])
    sweepTemporary(path.join(dataDir, folder))
  if (aside.keeps('project', 'file')) return
  for (const folder of ['uploads', 'unpacked'])
    for (const id of namesIn(path.join(dataDir, 'files', folder)))
      if (!files.has(id)) remove(path.join(dataDir, 'files', folder, id))
  const runs = new Set(store.all().flatMap((project) => project.runs.map(({ id }) => id)))
  for (const id of namesIn(path.join(dataDir, 'runs')))
    if (!runs.has(id)) remove(path.join(dataDir, 'runs', id))
    else sweepStaged(path.join(dataDir, 'runs', id, 'candidates'))
}
