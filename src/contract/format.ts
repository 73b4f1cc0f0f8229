/** Sizes as every sentence and table writes them. */

/** Three significant digits in decimal units, as files and downloads are sold: "1.73 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let power = 0
  // 999.6 would be written 1000 of the smaller unit.
  while (power < units.length - 1 && Math.abs(bytes) >= 999.5) {
    bytes /= 1000
    power++
  }
  return `${Number(bytes.toPrecision(3))} ${units[power]}`
}
