/** Starts the browser shell as `npm start` does, with a data folder of its own, and opens its window. */
import { test as base, expect, type Page } from '@playwright/test'
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const out = path.resolve(root, process.env.PARE_OUT ?? 'out')

export const resource = (...parts: string[]): string => path.join(root, 'resources', ...parts)

interface Shell {
  process: ChildProcess
  address: string
  dataDir: string
  stop(signal?: NodeJS.Signals): Promise<void>
}

export async function startShell(dataDir: string): Promise<Shell> {
  const child = spawn(process.execPath, [path.join(out, 'main', 'browser-shell.js')], {
    env: { ...process.env, PARE_DATA_DIR: dataDir, PARE_NO_OPEN: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr!.on('data', (piece) => (said += piece))
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (piece) => {
      said += piece
      const found = /http:\/\/\S+#token=\S+/.exec(said)
      if (found) resolve(found[0])
    })
    child.once('exit', (code) => reject(new Error(`the shell ended with ${code}:\n${said}`)))
  })
  return {
    process: child,
    address,
    dataDir,
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve()
        child.once('exit', () => resolve())
        child.kill(signal)
      }),
  }
}

/** Kills the engines of a shell, found in /proc; one may end by itself between being found and being killed. */
export function killChildrenOf(pid: number): void {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  for (const child of children)
    try {
      process.kill(Number(child), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
}

/** Drops files and folders of this machine as a person does, at the middle of the window. */
export async function drop(page: Page, ...files: string[]): Promise<void> {
  const client = await page.context().newCDPSession(page)
  const data = { items: [], files, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await client.send('Input.dispatchDragEvent', { type, x: 640, y: 300, data })
  await client.detach()
}

interface Fixtures {
  scratch: string
  shell: Shell
  /** The window, opened and ready. */
  pare: Page
}

export const test = base.extend<Fixtures>({
  scratch: async ({ browserName: _name }, use) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-e2e-'))
    await use(folder)
    fs.rmSync(folder, { recursive: true, force: true })
  },
  shell: async ({ scratch }, use) => {
    const shell = await startShell(path.join(scratch, 'data'))
    await use(shell)
    await shell.stop('SIGKILL')
  },
  pare: async ({ page, shell }, use) => {
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(error.message))
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) wrong.push(message.text())
    })
    await page.goto(shell.address)
    await expect(page.getByText('Drop an ONNX model')).toBeVisible()
    await use(page)
    expect(wrong, 'errors thrown in the page, and what its policy refused').toEqual([])
  },
})

export { expect }

export const step = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: new RegExp(`^${name}`) })

export const openSample = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Try the sample' }).click()
  await expect(page.getByRole('heading', { name: 'At a glance' })).toBeVisible()
}
