/** Everything the window gives out as a file: text, CSV, PNG. */

export function saveBlob(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob)
  saveFrom(address, name)
  // The download reads the blob after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

export function saveFrom(address: string, name = ''): void {
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
}

export const saveText = (name: string, text: string, type = 'text/plain'): void =>
  saveBlob(name, new Blob([text], { type: `${type};charset=utf-8` }))

export type Cell = string | number | boolean | null | undefined

const quoted = (cell: Cell): string => {
  const text = cell === null || cell === undefined ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** RFC 4180. */
export const toCsv = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [head, ...rows].map((row) => row.map(quoted).join(',')).join('\r\n') + '\r\n'

export const saveCsv = (name: string, head: readonly string[], rows: readonly (readonly Cell[])[]): void =>
  saveText(`${fileName(name)}.csv`, toCsv(head, rows), 'text/csv')

export const fileName = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '') || 'pare'

/** Copies text; the selection way works where pages may not ask for the clipboard. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand('copy')
    area.remove()
  }
}
