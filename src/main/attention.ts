/** What a long run means for the desktop: no sleep while it works, progress in the dock, a word when it ends. */
import { app, Notification, powerSaveBlocker, type BrowserWindow } from 'electron'
import { inBackground } from '../service/background'
import type { EventName, Events } from '../contract/app'

export class Attention {
  private blocker: number | undefined

  constructor(
    private readonly window: () => BrowserWindow | undefined,
    private readonly wanted: () => Promise<boolean>,
  ) {}

  hear<E extends EventName>(event: E, data: Events[E]): void {
    if (event === 'run.progress') this.progress(data as Events['run.progress'])
    else if (event === 'run.ended')
      inBackground(this.ended(data as Events['run.ended']), 'telling that a run ended')
  }

  private progress({ done }: Events['run.progress']): void {
    this.blocker ??= powerSaveBlocker.start('prevent-app-suspension')
    this.window()?.setProgressBar(done)
  }

  private async ended({ title, message }: Events['run.ended']): Promise<void> {
    if (this.blocker !== undefined) powerSaveBlocker.stop(this.blocker)
    this.blocker = undefined
    const window = this.window()
    window?.setProgressBar(-1)
    if (window?.isFocused() || !(await this.wanted())) return
    // The taskbar or the dock asks for a look until the window has one.
    window?.flashFrame(true)
    app.dock?.bounce('informational')
    if (!Notification.isSupported()) return
    const notification = new Notification({ title, body: message })
    notification.on('click', () => {
      window?.show()
      app.focus()
    })
    notification.show()
  }
}
