/** What the page saves (tables, charts, reports) goes where the person says, beginning with the last place. */
import { app, type Session } from 'electron'
import path from 'node:path'

/** Only bytes the page made itself are saved; everything else that calls itself a download is refused. */
export function keepDownloads(target: Session): void {
  let folder: string | undefined
  target.on('will-download', (event, item) => {
    if (!item.getURL().startsWith('blob:')) return event.preventDefault()
    item.setSaveDialogOptions({
      defaultPath: path.join(folder ?? app.getPath('downloads'), item.getFilename()),
    })
    item.once('done', (_event, state) => {
      if (state === 'completed') folder = path.dirname(item.getSavePath())
    })
  })
}
