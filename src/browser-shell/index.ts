/** Entry of the browser shell: the same service behind a page in an installed browser, for machines without Electron. */
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import envPaths from 'env-paths'
import open from 'open'
import { errorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { createService, forkEngine, type Service } from '../service'
import { inBackground } from '../service/background'
import { askAgain, leaveDoor, type ShownReply } from './again'
import { Downloads } from './downloads'
import { newSecret } from './guard'
import { lockFolder } from './lock'
import { startServer, type ShellServer } from './server'
import { showWindow } from './window'

const out = path.resolve(import.meta.dirname, '..')
const dataDir = path.resolve(process.env.PARE_DATA_DIR || envPaths('Pare', { suffix: '' }).data)
/** How long after its last window closed Pare waits for a reload before it ends. */
const LINGER_MS = 15_000
/** How long a start waits for the one that has the folder. */
const PATIENCE_MS = 5000
/** Windows that a browser was asked for and that are not seen yet. */
let opening = 0

// The last resort: whatever slips through ends nobody's work.
for (const slip of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(slip, (cause) => console.error('Pare goes on after a fault of its own:', cause))

const { service, server } = await begin().catch((cause: unknown) => {
  const { what, todo } = errorMessage(errorData(cause))
  console.error(`Pare cannot start. ${what} ${todo}`)
  process.exit(1)
})

async function begin(): Promise<{ service: Service; server: ShellServer }> {
  if (!lockFolder(dataDir)) await comeBack()
  const downloads = new Downloads()
  const service = createService({
    dataDir,
    resourcesDir: path.resolve(out, '../resources'),
    engine: (limits) => forkEngine(path.join(out, 'main', 'worker.js'), limits),
    shell: 'browser',
    host: {
      offerDownload: (file, name) => downloads.offer(file, name),
      reveal: (file) => void open(path.dirname(file)).catch(() => undefined),
    },
  })
  const key = newSecret()
  const server = await startServer({
    service,
    downloads,
    again: { key, show: () => show(server) },
    page: path.join(out, 'renderer'),
    port: Number(process.env.PARE_PORT ?? 0),
  })
  leaveDoor(dataDir, { origin: `http://127.0.0.1:${server.port}`, key })
  return { service, server }
}

/** Ends this process: the one that has the folder is asked to show its window. */
async function comeBack(): Promise<never> {
  // It may have begun a moment ago and not be listening yet.
  let shown = await askAgain(dataDir)
  for (const until = Date.now() + PATIENCE_MS; !shown && Date.now() < until; shown = await askAgain(dataDir))
    await wait(200)
  if (shown) tell(shown, 'Pare is open already: its window is shown again.')
  else
    console.error(
      `Pare is open already (with its data in ${dataDir}) and does not answer. Use its window, or close it first; where no Pare runs any more, delete ${path.join(dataDir, 'pare.lock')}.`,
    )
  process.exit(shown ? 0 : 1)
}

/** Opens a window where this machine has a browser and may use it, else says where it can be opened. */
async function show(at: ShellServer): Promise<ShownReply> {
  const address = at.newAddress()
  if (process.env.PARE_NO_OPEN) return { address }
  const before = at.sockets.count()
  const connected = new Promise<void>((resolve) =>
    at.sockets.onChange((count) => count > before && resolve()),
  )
  opening++
  try {
    return (await showWindow(address, path.join(dataDir, 'browser'), connected)) ? {} : { address }
  } finally {
    opening--
  }
}

function tell({ address }: ShownReply, seen: string): void {
  console.log(address ? `Open this address in a browser on this machine:\n${address}` : seen)
}

let ending = false
async function end(code: number): Promise<void> {
  if (ending) return
  ending = true
  try {
    service.close()
    await server.close()
  } finally {
    process.exit(code)
  }
}
process.on('SIGINT', () => inBackground(end(130), 'ending'))
process.on('SIGTERM', () => inBackground(end(0), 'ending'))

if (!process.env.PARE_NO_OPEN) endAfterLastWindow()
tell(await show(server), 'Pare is open in your browser. It ends when you close the window, or with Ctrl-C.')

/** A run that is going on is finished first; the window can be opened again by starting Pare. */
function endAfterLastWindow(): void {
  let timer: NodeJS.Timeout | undefined
  const check = async (): Promise<void> => {
    const { running } = await service.invoke('queue.get', undefined)
    if (server.sockets.count() === 0 && !running && opening === 0) await end(0)
    else timer = setTimeout(() => inBackground(check(), 'looking whether to end'), LINGER_MS)
  }
  server.sockets.onChange((count) => {
    clearTimeout(timer)
    if (count === 0) timer = setTimeout(() => inBackground(check(), 'looking whether to end'), LINGER_MS)
  })
}
