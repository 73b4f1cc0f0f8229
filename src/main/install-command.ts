/** What the menu's entry does: the `pare` command for terminals, and a word about it. */
import { app, dialog, type BrowserWindow } from 'electron'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { errorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { installCommand, type Installed } from './command-file'
import { executable } from './terminal'

/** A folder of the app, with `pare.cmd` in it, becomes one that Windows looks into for this person's commands. */
export const pathArguments = (folder: string): string[] => [
  '-NoProfile',
  '-ExecutionPolicy',
  'Bypass',
  '-File',
  path.join(folder, 'path.ps1'),
  'add',
  folder,
]

async function install(folder: string): Promise<Installed> {
  const { platform, env } = process
  if (platform !== 'win32')
    return installCommand(platform, executable(), { home: app.getPath('home'), ...env })
  await promisify(execFile)('powershell.exe', pathArguments(folder))
  return { file: path.join(folder, 'pare.cmd'), found: true }
}

/** What is said afterwards. */
export const installedText = ({ file, found, line }: Installed): { message: string; detail: string } => ({
  message: found
    ? 'Type “pare” in a new terminal.'
    : 'The command is written, but terminals do not look there yet.',
  detail: found
    ? `${file} starts this app without its window. “pare --help” lists what it does.`
    : `It is ${file}. Add this line to the file your shell starts with (~/.zshrc, ~/.bashrc):\n\n${line}`,
})

/** `folder`: where the app keeps what its command needs. */
export async function offerCommand(folder: string, window: () => BrowserWindow | undefined): Promise<void> {
  let words: { type: 'info' | 'error'; message: string; detail: string }
  try {
    words = { type: 'info', ...installedText(await install(folder)) }
  } catch (cause) {
    const { title, what, todo } = errorMessage(errorData(cause))
    words = { type: 'error', message: title, detail: `${what} ${todo}` }
  }
  const parent = window()
  await (parent ? dialog.showMessageBox(parent, words) : dialog.showMessageBox(words))
}
