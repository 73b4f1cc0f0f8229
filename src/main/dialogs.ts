/** Native dialogs and the file manager, as the service asks for them. */
import { app, dialog, shell, type BrowserWindow, type OpenDialogOptions } from 'electron'
import fs from 'node:fs'
import path from 'node:path'
import type { ShellHost } from '../service/core'
import { remember } from './opened-files'

type PickKind = Parameters<NonNullable<ShellHost['pick']>>[0]

const OPEN: Record<PickKind, OpenDialogOptions> = {
  model: {
    title: 'Open a model',
    properties: ['openFile'],
    filters: [
      { name: 'ONNX models', extensions: ['onnx'] },
      { name: 'All files', extensions: ['*'] },
    ],
  },
  'data-file': {
    title: 'Open a data file',
    properties: ['openFile', 'multiSelections'],
    filters: [
      { name: 'Datasets', extensions: ['npz', 'npy', 'csv', 'tsv', 'parquet', 'jsonl', 'json', 'zip'] },
      { name: 'All files', extensions: ['*'] },
    ],
  },
  'data-folder': { title: 'Open a data folder', properties: ['openDirectory'] },
  plugin: { title: 'Add the folder of a plug-in', properties: ['openDirectory'] },
  recipe: {
    title: 'Import a recipe',
    properties: ['openFile'],
    filters: [{ name: 'Pare recipes', extensions: ['pare', 'json'] }],
  },
}

/** Each bundle is offered the place of the one before. `icon` is an image file, which a drag of the system must have. */
export function nativeHost(window: () => BrowserWindow | undefined, icon: string): ShellHost {
  const open = (options: OpenDialogOptions) => {
    const parent = window()
    return parent ? dialog.showOpenDialog(parent, options) : dialog.showOpenDialog(options)
  }
  let last: string | undefined
  return {
    async pick(kind) {
      const { canceled, filePaths } = await open(OPEN[kind])
      if (canceled) return null
      remember(filePaths)
      return filePaths
    },
    async chooseDestination(suggestedName, form) {
      const parent = window()
      const options = {
        title: 'Save the bundle',
        defaultPath: path.join(last ?? app.getPath('documents'), suggestedName),
        ...(form === 'zip' && { filters: [{ name: 'Zip', extensions: ['zip'] }] }),
      }
      const { canceled, filePath } = parent
        ? await dialog.showSaveDialog(parent, options)
        : await dialog.showSaveDialog(options)
      if (canceled || !filePath) return null
      last = path.dirname(filePath)
      return filePath
    },
    reveal: (file) => shell.showItemInFolder(file),
    drag(file) {
      // Electron throws for a file that is gone.
      if (fs.existsSync(file)) window()?.webContents.startDrag({ file, icon })
    },
  }
}
