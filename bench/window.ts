/** The window on much data: scrolling, filtering and searching 10,000 samples and a graph of 5,000 nodes. */
import { chromium, type Locator, type Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureBrowser } from '../scripts/browser.mjs'
import { drop, startShell, step } from '../tests/e2e/shell'
import { NODES, SAMPLES, writeLarge } from './support/large-project'
import type { Entry, Figure } from './support/figure'

/** The bench is built into `out/bench/`. */
const ROOT = path.resolve(import.meta.dirname, '../..')
/** No frame may take longer, in milliseconds. */
const LONGEST = 100
const MINUTE = 60_000

type Ticking = typeof globalThis & { benchFrames: number[]; benchTick: number }

/** Milliseconds of the longest frame between the start and the end of `work`. */
async function longestFrame(page: Page, work: () => Promise<unknown>): Promise<number> {
  await page.evaluate(() => {
    const here = globalThis as Ticking
    here.benchFrames = []
    let last = performance.now()
    const tick = (now: number): void => {
      here.benchFrames.push(now - last)
      last = now
      here.benchTick = requestAnimationFrame(tick)
    }
    here.benchTick = requestAnimationFrame(tick)
  })
  await work()
  return page.evaluate(() => {
    const here = globalThis as Ticking
    cancelAnimationFrame(here.benchTick)
    // The first one began before the work did.
    return Math.max(...here.benchFrames.slice(1))
  })
}

/** From top to bottom in steps of one frame. */
const scroll = (table: Locator): Promise<void> =>
  table.evaluate(async (node) => {
    const stride = node.scrollHeight / 120
    for (let at = 0; at < 120; at++) {
      node.scrollTop += stride
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
  })

async function compress(page: Page, files: readonly string[]): Promise<void> {
  await drop(page, ...files)
  await step(page, 'Data')
    .filter({ hasText: 'the original:' })
    .waitFor({ timeout: 2 * MINUTE })
  await step(page, 'Goal').click()
  await page.getByRole('tab', { name: 'Custom recipe' }).click()
  await page.getByRole('button', { name: 'Add a pass…' }).click()
  await page.getByPlaceholder('Search passes').fill('Half precision')
  await page.keyboard.press('Enter')
  await step(page, 'Goal').filter({ hasText: '1 pass' }).waitFor()
  await page.getByRole('button', { name: 'Start compressing' }).click()
  await page.getByRole('button', { name: 'Go on to compare' }).click({ timeout: 5 * MINUTE })
}

async function samples(page: Page): Promise<Figure[]> {
  await page.getByRole('tab', { name: 'Samples' }).click()
  const filters = page.getByRole('group', { name: 'Which samples' })
  await filters.getByText('All').click()
  const table = page.getByRole('table', { name: /^Samples/ })
  await table.getByRole('row').nth(5).waitFor()
  const scrolled = await longestFrame(page, () => scroll(table))
  const filtered = await longestFrame(page, async () => {
    for (const name of ['Now wrong', 'Changed answer', 'All']) await filters.getByText(name).click()
    await page.getByRole('combobox', { name: 'Class' }).selectOption('1')
    await table.getByRole('row').nth(5).waitFor()
  })
  return [
    { what: `${SAMPLES} samples scrolled: longest frame`, value: scrolled },
    { what: `${SAMPLES} samples filtered: longest frame`, value: filtered },
  ].map(bounded)
}

async function graph(page: Page): Promise<Figure[]> {
  await page.getByRole('tab', { name: 'Graph' }).click()
  await page.getByRole('checkbox', { name: /the same/ }).check()
  const table = page.getByRole('table', { name: /^Operators/ })
  await table.getByRole('row').nth(5).waitFor()
  const scrolled = await longestFrame(page, () => scroll(table))
  const searched = await longestFrame(page, () =>
    page.getByRole('searchbox').pressSequentially('block19 matmul', { delay: 30 }),
  )
  const drawing = page.getByRole('application', { name: /^Drawing of the graph/ })
  const drawn = await longestFrame(page, async () => {
    await page.getByText('Drawing', { exact: true }).click()
    await drawing.waitFor()
  })
  await drawing.focus()
  const panned = await longestFrame(page, async () => {
    for (let at = 0; at < 40; at++) await page.keyboard.press(at % 2 ? 'ArrowDown' : 'ArrowRight')
  })
  return [
    { what: `${NODES} nodes scrolled: longest frame`, value: scrolled },
    { what: `${NODES} nodes searched: longest frame`, value: searched },
    { what: 'drawing laid out: longest frame', value: drawn },
    { what: 'drawing moved: longest frame', value: panned },
  ].map(bounded)
}

const bounded = (figure: Pick<Figure, 'what' | 'value'>): Figure => ({
  ...figure,
  unit: 'ms',
  wanted: { atMost: LONGEST },
})

export const entry: Entry = {
  about: 'the real window in a browser, on a model and data of its own',
  async run() {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT, stdio: 'inherit' })
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-'))
    const shell = await startShell(path.join(folder, 'data'))
    const browser = await chromium.launch({
      executablePath: await ensureBrowser(),
      args: ['--no-sandbox', '--disable-gpu'],
    })
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      await page.goto(shell.address)
      await compress(page, writeLarge(folder))
      return [...(await samples(page)), ...(await graph(page))]
    } finally {
      await browser.close()
      await shell.stop('SIGKILL')
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
