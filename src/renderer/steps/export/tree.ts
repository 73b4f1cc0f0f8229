/** Entries with slashes as lines of a tree; folders come before what is in them and carry its size. */
import type { BundleEntry } from '../../../contract/project'

interface TreeLine {
  path: string
  name: string
  depth: number
  folder: boolean
  bytes?: number
  what: string
}

/** What folders of a bundle are for. */
const FOLDERS: Record<string, string> = {
  'golden/': 'inputs with the outputs a right device gives for them',
}

export function treeLines(entries: readonly BundleEntry[]): TreeLine[] {
  const folders = new Map<string, TreeLine>()
  const lines: TreeLine[] = []
  const sorted = [...entries].sort((a, b) => Number(a.name.includes('/')) - Number(b.name.includes('/')))
  for (const { name, bytes, what } of sorted) {
    const parts = name.split('/').filter(Boolean)
    const own = parts.pop() ?? name
    let path = ''
    parts.forEach((part, depth) => {
      path += `${part}/`
      const folder = folders.get(path) ?? {
        path,
        name: part,
        depth,
        folder: true,
        bytes: 0,
        what: FOLDERS[path] ?? '',
      }
      if (!folders.has(path)) lines.push(folder)
      folders.set(path, folder)
      folder.bytes = folder.bytes! + bytes
    })
    lines.push({ path: name, name: own, depth: parts.length, folder: false, bytes, what })
  }
  return lines.sort((a, b) => order(a, b))
}

/** A folder directly before its files; otherwise in the order they came. */
function order(a: TreeLine, b: TreeLine): number {
  const nested = Number(a.path.includes('/')) - Number(b.path.includes('/'))
  return nested || (a.path.includes('/') ? a.path.localeCompare(b.path) : 0)
}

/** Folders a path lies in, from the outermost: 'a/b/c' → 'a/', 'a/b/'. */
export function foldersOf(path: string): string[] {
  const parts = path.split('/').filter(Boolean).slice(0, -1)
  return parts.map((_, at) => `${parts.slice(0, at + 1).join('/')}/`)
}
