/** What a drop or a file input holds, as files with their path inside the dropped folder. */
import type { DroppedFile } from '../../contract/app'

async function entriesOf(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = []
  // One call gives at most a hundred entries.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (!some.length) return all
    all.push(...some)
  }
}

async function walk(entry: FileSystemEntry, prefix: string, found: DroppedFile[]): Promise<void> {
  const relativePath = prefix + entry.name
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    )
    found.push({ file, relativePath })
    return
  }
  const children = await entriesOf((entry as FileSystemDirectoryEntry).createReader())
  // An empty folder still counts: its path ends in a slash.
  if (!children.length) found.push({ file: undefined, relativePath: `${relativePath}/` })
  for (const child of children) await walk(child, `${relativePath}/`, found)
}

/** `deep`: folders are walked here; otherwise the shell takes dropped folders whole by their path. */
export async function droppedFiles(transfer: DataTransfer, deep: boolean): Promise<DroppedFile[]> {
  if (!deep) return Array.from(transfer.files, (file) => ({ file, relativePath: file.name }))
  // The list is emptied as soon as the event is over, so every entry is taken before the first await.
  const items = Array.from(transfer.items, (item) => ({
    entry: item.webkitGetAsEntry(),
    file: item.getAsFile(),
  }))
  const found: DroppedFile[] = []
  for (const { entry, file } of items) {
    if (entry) await walk(entry, '', found)
    else if (file) found.push({ file, relativePath: file.name })
  }
  return found
}

const pickedFiles = (files: FileList): DroppedFile[] =>
  Array.from(files, (file) => ({ file, relativePath: file.webkitRelativePath || file.name }))

/** A file input of the page, for shells without a native dialog. Empty when dismissed. */
export function pickInPage(options: { folder?: boolean; accept?: string }): Promise<DroppedFile[]> {
  const input = document.createElement('input')
  input.type = 'file'
  input.multiple = !options.folder
  if (options.folder) input.webkitdirectory = true
  if (options.accept) input.accept = options.accept
  return new Promise((resolve) => {
    input.onchange = () => resolve(input.files ? pickedFiles(input.files) : [])
    input.oncancel = () => resolve([])
    input.click()
  })
}
