/** Files the system hands over: associations, a second instance's arguments, drops on the dock icon. */
import { app } from 'electron'
import fs from 'node:fs'
import path from 'node:path'

/** Recent documents of the system: in the menu of macOS, in the jump list of Windows. */
export function remember(files: readonly string[]): void {
  for (const file of files) app.addRecentDocument(file)
}

/** Existing files and folders among command-line arguments; flags and the app's own path are left out. */
export function filesAmong(args: readonly string[], folder: string, own: string): string[] {
  return args
    .slice(1)
    .filter((arg) => !arg.startsWith('-'))
    .map((arg) => path.resolve(folder, arg))
    .filter((file) => path.resolve(own) !== file && fs.existsSync(file))
}
