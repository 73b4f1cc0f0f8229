/** The contract over IPC: one channel up, one down; only the window's own page is answered. */
import { ipcMain, type BrowserWindow, type IpcMainInvokeEvent } from 'electron'
import type { EventName, Events, MethodName } from '../contract/app'
import { CHANNELS, type Answer } from '../contract/bridge'
import { errorData, PareError } from '../contract/errors'
import type { FileRef } from '../contract/project'
import { remember } from './opened-files'
import { isOwn } from './protocol'

/** The part of the service this border needs. */
export interface Answering {
  invoke(name: MethodName, input: unknown): Promise<unknown>
  adoptPath(path: string): Promise<FileRef>
}

const MOST_FILES = 1000

function check(event: IpcMainInvokeEvent, method: string): void {
  const frame = event.senderFrame
  if (!frame || frame.parent || !isOwn(frame.url))
    throw new PareError('bad-request', { method, reason: 'it does not come from the window' })
}

async function answer<T>(work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: await work() }
  } catch (thrown) {
    return { error: errorData(thrown) }
  }
}

export function answerWindow(service: Answering): void {
  ipcMain.handle(CHANNELS.invoke, (event, method: unknown, input: unknown) =>
    answer(async () => {
      check(event, String(method))
      // The service refuses names it does not know and validates the input.
      return service.invoke(String(method) as MethodName, input)
    }),
  )
  ipcMain.handle(CHANNELS.adopt, (event, paths: unknown) =>
    answer(async () => {
      check(event, 'adopt')
      const usable =
        Array.isArray(paths) &&
        paths.length <= MOST_FILES &&
        paths.every((path) => typeof path === 'string' && path !== '')
      if (!usable)
        throw new PareError('bad-request', { method: 'adopt', reason: 'paths of dropped files are expected' })
      const adopted = await Promise.all((paths as string[]).map((path) => service.adoptPath(path)))
      remember(paths as string[])
      return adopted
    }),
  )
}

export function tell<E extends EventName>(
  window: BrowserWindow | undefined,
  event: E,
  data: Events[E],
): void {
  if (window && !window.isDestroyed()) window.webContents.send(CHANNELS.event, event, data)
}
