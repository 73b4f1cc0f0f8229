/** The bridge between the sandboxed page and the main process; nothing else of Electron reaches the page. */
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { CHANNELS, type Bridge } from '../contract/bridge'

const bridge: Bridge = {
  invoke: (method, input) => ipcRenderer.invoke(CHANNELS.invoke, method, input),
  on(event, listener) {
    const relay = (_: unknown, name: string, data: unknown): void => {
      if (name === event) listener(data)
    }
    ipcRenderer.on(CHANNELS.event, relay)
    return () => ipcRenderer.off(CHANNELS.event, relay)
  },
  adopt: (files) =>
    ipcRenderer.invoke(
      CHANNELS.adopt,
      files.map((file) => webUtils.getPathForFile(file as File)),
    ),
}

contextBridge.exposeInMainWorld('pare', bridge)
