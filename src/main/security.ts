/** "Offline" enforced: nothing the page does may leave the machine, navigate, open windows or ask for rights. */
import { app, session, type Session } from 'electron'
import { isOwn } from './protocol'

const LOCAL = /^(devtools|file|blob|data):/

/** Only the window's own protocol and local bytes may be requested. */
export const mayRequest = (address: string): boolean => isOwn(address) || LOCAL.test(address)

/**
 * Chromium's own services ask for things beside the page, where no session is asked: no name is ever resolved for them.
 * Source: electronjs.org/docs/latest/api/command-line-switches. To be called before the app is ready.
 */
export function silenceChromium(): void {
  app.commandLine.appendSwitch('host-resolver-rules', 'MAP * ~NOTFOUND')
  for (const flag of [
    'no-proxy-server',
    'no-pings',
    'disable-background-networking',
    'disable-component-update',
  ])
    app.commandLine.appendSwitch(flag)
}

function lock(target: Session): void {
  target.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !mayRequest(details.url) }))
  target.setPermissionRequestHandler((_contents, _permission, answer) => answer(false))
  target.setPermissionCheckHandler(() => false)
  target.setDevicePermissionHandler(() => false)
}

export function enforceOffline(): void {
  lock(session.defaultSession)
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event, address) => {
      if (!isOwn(address)) event.preventDefault()
    })
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  })
}
