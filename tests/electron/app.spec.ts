/**
 * The app in the real Electron, where its binary is: `node node_modules/electron/install.js` fetches it. With
 * `PARE_ELECTRON=1` a missing binary is a failure; otherwise these are skipped, and say so.
 */
import { _electron, expect, test as base, type ElectronApplication, type Page } from '@playwright/test'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { drop, openSample, resource, step } from '../e2e/shell'

const root = path.resolve(import.meta.dirname, '../..')
const electron = path.join(root, 'node_modules', 'electron')

/** Asking the package itself would fetch the binary. */
function binary(): string | undefined {
  const named = path.join(electron, 'path.txt')
  const file = fs.existsSync(named) && path.join(electron, 'dist', fs.readFileSync(named, 'utf8'))
  return file && fs.existsSync(file) ? file : undefined
}

const executablePath = binary()

interface Fixtures {
  scratch: string
  /** Command line of an instance whose data lies in `scratch`; the second of two comes to the first. */
  line: string[]
  app: ElectronApplication
  pare: Page
}

const test = base.extend<Fixtures>({
  scratch: async ({ browserName: _name }, use) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-electron-'))
    await use(folder)
    fs.rmSync(folder, { recursive: true, force: true })
  },
  line: async ({ scratch }, use) => {
    // Hosted machines with Linux let nobody make the namespaces that Chromium's own sandbox is made of.
    const own = process.platform === 'linux' && process.env.CI ? ['--no-sandbox'] : []
    await use([...own, `--user-data-dir=${scratch}`, root])
  },
  app: async ({ line }, use) => {
    const app = await _electron.launch({ executablePath, args: line })
    await use(app)
    await app.close()
  },
  pare: async ({ app }, use) => {
    const page = await app.firstWindow()
    await expect(page.getByText('Drop an ONNX model')).toBeVisible()
    await use(page)
  },
})

const MODEL = resource('samples', 'bearing', 'cnn1d.onnx')
const shows = (page: Page, model: string): Promise<void> =>
  expect(page.getByRole('heading', { name: model })).toBeVisible()

/** Processes of the engine, by the name that it is started with. */
const enginesOf = (app: ElectronApplication): Promise<number[]> =>
  app.evaluate(({ app: own }) =>
    own
      .getAppMetrics()
      .filter(({ name }) => name === 'Pare engine')
      .map(({ pid }) => pid),
  )

test.skip(
  executablePath === undefined && !process.env.PARE_ELECTRON,
  'Electron’s binary is not here: node node_modules/electron/install.js fetches it',
)

test('the first start shows the sample’s model, read by the engine in its own process', async ({
  app,
  pare,
}) => {
  await openSample(pare)
  expect(await enginesOf(app)).not.toEqual([])
})

test('a model and its data dropped together are told apart, and only referred to', async ({
  pare,
  scratch,
}) => {
  await drop(pare, MODEL, resource('samples', 'bearing', 'data'))
  await shows(pare, 'cnn1d.onnx')
  await expect(step(pare, 'Data')).toContainText('the original:')
  expect(fs.existsSync(path.join(scratch, 'data', 'files', 'uploads'))).toBe(false)
})

test('from the sample to a bundle, where the native dialog says', async ({ app, pare, scratch }) => {
  const bundle = path.join(scratch, 'bundle.zip')
  await app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath })
  }, bundle)
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await step(pare, 'Goal').click()
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await pare.getByRole('radio', { name: /Safe/ }).focus()
  await pare.keyboard.press('Space')
  await expect(step(pare, 'Goal')).toContainText('Safe')
  await pare.getByRole('button', { name: /^Start compressing/ }).click()
  await expect(pare.getByRole('button', { name: 'Go on to compare' })).toBeVisible({ timeout: 120_000 })
  await step(pare, 'Export').click()
  await pare.getByRole('button', { name: 'Save the bundle…' }).click()
  await expect(pare.getByText('Saved', { exact: true })).toBeVisible()
  expect(fs.readFileSync(bundle).subarray(0, 2).toString('latin1')).toBe('PK')
})

test('a file that the app is started with is opened', async ({ line }) => {
  const app = await _electron.launch({ executablePath, args: [...line, MODEL] })
  await shows(await app.firstWindow(), 'cnn1d.onnx')
  await app.close()
})

test('a second instance hands its file to the first, and ends', async ({ line, pare }) => {
  const second = spawn(executablePath!, [...line, MODEL], { stdio: 'ignore' })
  expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(0)
  await shows(pare, 'cnn1d.onnx')
})

test('the window outlives its engine: what is asked next goes to a new one', async ({ app, pare }) => {
  await openSample(pare)
  const before = await enginesOf(app)
  for (const pid of before) process.kill(pid, 'SIGKILL')
  await drop(pare, MODEL)
  await shows(pare, 'cnn1d.onnx')
  const after = await enginesOf(app)
  expect(after).not.toEqual([])
  expect(after.filter((pid) => before.includes(pid))).toEqual([])
})

test('the page reaches nothing but its own files, and has no Node', async ({ pare }) => {
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
