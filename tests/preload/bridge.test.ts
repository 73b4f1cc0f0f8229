import { expect, test, vi } from 'vitest'
import { CHANNELS, type Bridge } from '../../src/contract/bridge'
import { exposed, invoked, rendererEvents } from '../main/electron-double'

vi.mock('electron', async () => (await import('../main/electron-double')).electron)
await import('../../src/preload/index')

const bridge = exposed.pare as Bridge

test('nothing but the bridge is exposed', () => {
  expect(Object.keys(exposed)).toEqual(['pare'])
  expect(Object.keys(bridge).sort()).toEqual(['adopt', 'invoke', 'on'])
})

test('calls go up one channel with their method', async () => {
  expect(await bridge.invoke('app.info', undefined)).toEqual({ ok: 'answer' })
  await bridge.adopt([{ path: '/a/m.onnx' }])
  expect(invoked).toEqual([
    [CHANNELS.invoke, 'app.info', undefined],
    [CHANNELS.adopt, ['/a/m.onnx']],
  ])
})

test('events reach their listeners until these end', () => {
  const heard: unknown[] = []
  const off = bridge.on('run.progress', (data) => heard.push(data))
  rendererEvents.emit(CHANNELS.event, {}, 'run.progress', 1)
  rendererEvents.emit(CHANNELS.event, {}, 'queue.changed', 2)
  off()
  rendererEvents.emit(CHANNELS.event, {}, 'run.progress', 3)
  expect(heard).toEqual([1])
})
