/** Dropped files become uploads: one for every loose file, one for every folder. */
import type { DroppedFile } from '../../contract/app'

interface UploadUnit {
  name: string
  folder: boolean
  files: { file: File; path: string }[]
}

export function uploadUnits(dropped: readonly DroppedFile[]): UploadUnit[] {
  const folders = new Map<string, UploadUnit>()
  const units: UploadUnit[] = []
  for (const { file, relativePath } of dropped) {
    const slash = relativePath.indexOf('/')
    if (slash < 0) {
      units.push({ name: relativePath, folder: false, files: [{ file: file as File, path: relativePath }] })
      continue
    }
    const name = relativePath.slice(0, slash)
    let unit = folders.get(name)
    if (!unit) {
      unit = { name, folder: true, files: [] }
      folders.set(name, unit)
      units.push(unit)
    }
    // A folder without files is announced by its path ending in a slash.
    const path = relativePath.slice(slash + 1)
    if (path && !path.endsWith('/')) unit.files.push({ file: file as File, path })
  }
  return units
}

/** Runs `work` over the items, a few at a time; the first failure ends it. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>) {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
}
