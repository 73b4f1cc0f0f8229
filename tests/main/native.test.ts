/** What the desktop sees of Pare: sleep, progress, notifications, dialogs, saved files. */
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import {
  appDouble,
  asked,
  BrowserWindow,
  dialogAnswer,
  dragged,
  notifications,
  power,
  revealed,
  sessionDouble,
} from './electron-double'

vi.mock('electron', async () => (await import('./electron-double')).electron)

const { Attention } = await import('../../src/main/attention')
const { nativeHost } = await import('../../src/main/dialogs')
const { keepDownloads } = await import('../../src/main/downloads')

type WindowOf = Parameters<typeof nativeHost>[0]
const window = new BrowserWindow({})
const shown = (() => window) as unknown as WindowOf
const progress = (done: number) => ({ run: 'r', project: 'p', done, doing: 'Calibrating' })
const ended = { run: 'r', project: 'p', status: 'done', title: 'Finished', message: '4× smaller' }
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

beforeEach(() => {
  Object.assign(window, { focused: false, flashes: 0 })
  appDouble.dock.bounce.mockClear()
  notifications.length = 0
  asked.length = 0
})

test('while a run works the machine stays awake and the dock shows how far it is', async () => {
  const attention = new Attention(shown, () => Promise.resolve(true))
  attention.hear('run.progress', progress(0.25))
  attention.hear('run.progress', progress(0.5))
  expect(power.started).toEqual(['prevent-app-suspension'])
  expect(window.bars).toEqual([0.25, 0.5])
  attention.hear('run.ended', ended)
  await settle()
  expect(power.stopped).toEqual([1])
  expect(window.bars.at(-1)).toBe(-1)
})

test('the end of a run is told only to who looks elsewhere and wants to know', async () => {
  let wanted = true
  const attention = new Attention(shown, () => Promise.resolve(wanted))
  attention.hear('run.ended', ended)
  await settle()
  expect(notifications.map(({ words }) => words)).toEqual([{ title: 'Finished', body: '4× smaller' }])
  const before = window.shown
  notifications[0]!.emit('click')
  expect(window.shown).toBe(before + 1)
  expect(appDouble.focused).toBe(1)
  expect([window.flashes, appDouble.dock.bounce.mock.calls]).toEqual([1, [['informational']]])
  wanted = false
  attention.hear('run.ended', ended)
  wanted = true
  window.focused = true
  attention.hear('run.ended', ended)
  await settle()
  expect(notifications).toHaveLength(1)
  expect(window.flashes).toBe(1)
})

test('files are chosen in native dialogs, and a bundle is offered the place of the one before', async () => {
  const host = nativeHost(shown, '/icons/icon.png')
  Object.assign(dialogAnswer, { canceled: true, filePaths: [] })
  expect(await host.pick!('model')).toBeNull()
  Object.assign(dialogAnswer, { canceled: false, filePaths: ['/m/a.onnx'] })
  expect(await host.pick!('model')).toEqual(['/m/a.onnx'])
  expect(asked[1]).toMatchObject({ filters: [{ extensions: ['onnx'] }, { extensions: ['*'] }] })
  await host.pick!('data-folder')
  expect(asked[2]).toMatchObject({ properties: ['openDirectory'] })
  Object.assign(dialogAnswer, { filePath: '/elsewhere/b.zip' })
  expect(await host.chooseDestination!('lenet.zip', 'zip')).toBe('/elsewhere/b.zip')
  await host.chooseDestination!('lenet', 'folder')
  expect(asked.slice(3).map(({ defaultPath }) => defaultPath)).toEqual([
    '/home/person/documents/lenet.zip',
    '/elsewhere/lenet',
  ])
  // What was opened is a recent document of the system; what was dismissed or written is none.
  expect(appDouble.recent).toEqual(['/m/a.onnx', '/m/a.onnx'])
  host.reveal!('/elsewhere/b.zip')
  expect(revealed).toEqual(['/elsewhere/b.zip'])
})

test('a bundle is dragged out of the window as the file it is, and one that is gone is not', () => {
  const bundle = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'pare-drag-')), 'b.zip')
  const host = nativeHost(shown, '/icons/icon.png')
  host.drag!(bundle)
  expect(dragged).toEqual([])
  fs.writeFileSync(bundle, 'zip')
  host.drag!(bundle)
  expect(dragged).toEqual([{ file: bundle, icon: '/icons/icon.png' }])
  fs.rmSync(path.dirname(bundle), { recursive: true })
})

test('what the page saves goes where the person says; foreign downloads are refused', () => {
  keepDownloads(sessionDouble as unknown as Parameters<typeof keepDownloads>[0])
  const offered: string[] = []
  const download = (url: string, saved?: string): boolean => {
    let refused = false
    const item = Object.assign(new EventEmitter(), {
      getURL: () => url,
      getFilename: () => 'table.csv',
      getSavePath: () => saved ?? '',
      setSaveDialogOptions: ({ defaultPath }: { defaultPath: string }) => void offered.push(defaultPath),
    })
    sessionDouble.emit('will-download', { preventDefault: () => (refused = true) }, item)
    item.emit('done', {}, saved ? 'completed' : 'cancelled')
    return refused
  }
  expect(download('https://example.com/x.csv')).toBe(true)
  expect(offered).toEqual([])
  expect(download('blob:pare://app/1')).toBe(false)
  expect(download('blob:pare://app/2', '/desk/table.csv')).toBe(false)
  expect(download('blob:pare://app/3')).toBe(false)
  expect(offered).toEqual(
    ['/home/person/downloads', '/home/person/downloads', '/desk'].map((f) => `${f}/table.csv`),
  )
})
