/**
 * The window on much data: frames while 20,000 samples and a graph of 2,000 nodes are scrolled, searched and moved, and while a
 * search for the best recipe draws what it tries.
 */
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
/** Milliseconds that 95 of 100 frames take at most while something moves: those of a screen of 60 Hz. */
const SMOOTH = 16.7
/** No frame may take longer while something is searched, filtered or laid out. */
const LONGEST = 100
const MINUTE = 60_000
/** Half precision puts one behind the input and one before the output. */
const CASTS = 2

type Ticking = typeof globalThis & { benchFrames: number[]; benchTick: number }

/** Milliseconds of the frames between the start and the end of `work`, the longest last. */
async function frames(page: Page, work: () => Promise<unknown>): Promise<number[]> {
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
    return here.benchFrames.slice(1).sort((a, b) => a - b)
  })
}

const longest = async (page: Page, what: string, work: () => Promise<unknown>): Promise<Figure> => ({
  what: `${what}: longest frame`,
  value: (await frames(page, work)).at(-1)!,
  unit: 'ms',
  wanted: { atMost: LONGEST },
})

const smooth = async (page: Page, what: string, work: () => Promise<unknown>): Promise<Figure> => {
  const taken = await frames(page, work)
  // A screen's clock is told to the tenth.
  const value = Math.round(taken[Math.floor(taken.length * 0.95)]! * 10) / 10
  return {
    what: `${what}: p95 of ${taken.length} frames`,
    value,
    unit: 'ms',
    digits: 1,
    wanted: { atMost: SMOOTH },
  }
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
  await page.getByRole('group', { name: 'How to show the samples' }).getByText('Table').click()
  const table = page.getByRole('table', { name: /^Samples/ })
  await table.getByRole('row').nth(5).waitFor()
  return [
    await smooth(page, `${SAMPLES} samples scrolled`, () => scroll(table)),
    await longest(page, `${SAMPLES} samples filtered`, async () => {
      for (const name of ['Now wrong', 'Changed answer', 'All']) await filters.getByText(name).click()
      await page.getByRole('combobox', { name: 'Class' }).selectOption('1')
      await table.getByRole('row').nth(5).waitFor()
    }),
  ]
}

/** Steps of one frame each: the wheel turned out and in, then dragged from end to end. */
const look = (drawing: Locator): Promise<void> =>
  drawing.evaluate(async (node) => {
    const canvas = node.querySelector('canvas')!
    const { left, top, width, height } = canvas.getBoundingClientRect()
    const at = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true, cancelable: true }
    const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve))
    for (let step = 0; step < 120; step++) {
      canvas.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: step < 60 ? 100 : -100 }))
      await frame()
    }
    for (let step = 0; step < 120; step++) {
      canvas.dispatchEvent(new WheelEvent('wheel', { ...at, deltaX: 1, deltaY: 40 }))
      await frame()
    }
  })

async function graph(page: Page): Promise<Figure[]> {
  await page.getByRole('tab', { name: 'Graph' }).click()
  const drawing = page.getByRole('application', { name: /^Drawing of the graph/ })
  const search = page.getByRole('searchbox')
  await drawing.waitFor()
  const laid = await longest(page, `${NODES} nodes laid out`, async () => {
    await page.getByRole('group', { name: 'Detail' }).getByText('Operators').click()
    await page.getByText(`${new Intl.NumberFormat('en').format(NODES + CASTS)} nodes drawn`).waitFor()
  })
  const found = await longest(page, `${NODES} nodes searched in the drawing`, () =>
    search.pressSequentially('block19 matmul', { delay: 30 }),
  )
  await search.fill('')
  const moved = await smooth(page, `${NODES} nodes drawn, zoomed and moved`, () => look(drawing))
  await page.getByRole('group', { name: 'How to show the graph' }).getByText('List').click()
  await page.getByRole('checkbox', { name: /the same/ }).check()
  const table = page.getByRole('table', { name: /^Operators/ })
  await table.getByRole('row').nth(5).waitFor()
  return [
    laid,
    found,
    moved,
    await smooth(page, `${NODES} nodes scrolled in the list`, () => scroll(table)),
    await longest(page, `${NODES} nodes searched in the list`, () =>
      search.pressSequentially('block19 matmul', { delay: 30 }),
    ),
  ]
}

const SEARCHED_FOR = 25_000

/** The chart in sight while a search of a minute draws what it tries. Throws where nothing came meanwhile. */
async function searching(page: Page): Promise<Figure[]> {
  await page.getByTitle('All projects').click()
  await page.getByRole('button', { name: /^Bearing faults/ }).click()
  await step(page, 'Data').filter({ hasText: 'the original:' }).waitFor({ timeout: MINUTE })
  await step(page, 'Goal').click()
  await page.getByRole('button', { name: /^Start compressing/ }).click()
  const running = page.getByRole('contentinfo', { name: 'What is running' })
  const tried = async (): Promise<number> =>
    Number(/(\d+) recipes? tried/.exec(await running.innerText())?.[1])
  await running.filter({ hasText: /[1-9]\d* recipes? tried/ }).waitFor({ timeout: MINUTE })
  await page.getByRole('application', { name: /^Size against quality/ }).scrollIntoViewIfNeeded()
  const before = await tried()
  const figure = await smooth(page, 'a search drawn as it tries', () => page.waitForTimeout(SEARCHED_FOR))
  const came = (await tried()) - before
  if (!(came > 0)) throw new Error('the search tried nothing while its frames were taken')
  return [{ ...figure, what: `${figure.what}, ${came} recipes tried meanwhile` }]
}

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
      return [...(await samples(page)), ...(await graph(page)), ...(await searching(page))]
    } finally {
      await browser.close()
      await shell.stop('SIGKILL')
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
