/**
 * The app in the real Electron, where its binary is: `node node_modules/electron/install.js` fetches it. With
 * `PARE_ELECTRON=1` a missing binary is a failure; otherwise these are skipped, and say so.
 */
import { _electron, expect, test as base, type Page } from '@playwright/test'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const electron = path.join(root, 'node_modules', 'electron')

/** Asking the package itself would fetch the binary. */
function binary(): string | undefined {
  const named = path.join(electron, 'path.txt')
  const file = fs.existsSync(named) && path.join(electron, 'dist', fs.readFileSync(named, 'utf8'))
  return file && fs.existsSync(file) ? file : undefined
}

const executablePath = binary()

const test = base.extend<{ pare: Page }>({
  pare: async ({ browserName: _name }, use) => {
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-electron-'))
    // Hosted machines with Linux let nobody make the namespaces that Chromium's own sandbox is made of.
    const own = process.platform === 'linux' && process.env.CI ? ['--no-sandbox'] : []
    const app = await _electron.launch({ executablePath, args: [...own, `--user-data-dir=${data}`, root] })
    await use(await app.firstWindow())
    await app.close()
    fs.rmSync(data, { recursive: true, force: true })
  },
})

test.skip(
  executablePath === undefined && !process.env.PARE_ELECTRON,
  'Electron’s binary is not here: node node_modules/electron/install.js fetches it',
)

test('the window shows the sample’s model, read by the engine in its own process', async ({ pare }) => {
  await expect(pare.getByText('Drop an ONNX model')).toBeVisible()
  await pare.getByRole('button', { name: 'Try the sample' }).click()
  await expect(pare.getByRole('heading', { name: 'At a glance' })).toBeVisible()
})

test('the page reaches nothing but its own files, and has no Node', async ({ pare }) => {
  await expect(pare.getByText('Drop an ONNX model')).toBeVisible()
  const reached = await pare.evaluate(() =>
    Promise.all(
      ['https://example.com/', 'http://127.0.0.1/', 'file:///'].map((address) =>
        fetch(address).then(
          () => address,
          () => 'refused',
        ),
      ),
    ),
  )
  expect(reached).toEqual(['refused', 'refused', 'refused'])
  expect(await pare.evaluate(() => typeof (globalThis as { require?: unknown }).require)).toBe('undefined')
})
