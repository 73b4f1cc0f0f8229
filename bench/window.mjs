/**
 * The longest frame of the window while 10,000 samples and a 5,000-node graph are scrolled, filtered and searched, in
 * an installed browser on the window without a backend. Prints one JSON document; frames are milliseconds.
 */
import path from 'node:path'
import { chromium } from '@playwright/test'
import { build, preview } from 'vite'
import { ensureBrowser } from '../scripts/browser.mjs'

const configFile = path.resolve(import.meta.dirname, '../tests/renderer/fake/vite.config.ts')
await build({ configFile, logLevel: 'error' })
const server = await preview({ configFile, logLevel: 'error', preview: { port: 0, host: '127.0.0.1' } })
const browser = await chromium.launch({
  executablePath: await ensureBrowser(),
  args: ['--no-sandbox', '--disable-gpu'],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })

/** Frames between the start and the end of `work`. */
async function frames(work) {
  await page.evaluate(() => {
    window.benchFrames = []
    let last = performance.now()
    const tick = (now) => {
      window.benchFrames.push(now - last)
      last = now
      window.benchTicking = requestAnimationFrame(tick)
    }
    window.benchTicking = requestAnimationFrame(tick)
  })
  await work()
  const all = await page.evaluate(() => {
    cancelAnimationFrame(window.benchTicking)
    return window.benchFrames.slice(1).sort((a, b) => a - b)
  })
  const at = (share) => Math.round(all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0)
  return { frames: all.length, p50: at(0.5), p95: at(0.95), longest: Math.round(all.at(-1) ?? 0) }
}

const scroll = (table) =>
  table.evaluate(async (node) => {
    const step = node.scrollHeight / 120
    for (let at = 0; at < 120; at++) {
      node.scrollTop += step
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
  })

const open = async (query, tab) => {
  await page.goto(`${server.resolvedUrls.local[0]}?${query}`)
  await page.getByRole('button', { name: /^Digits/ }).click()
  await page.getByRole('tab', { name: tab }).click()
}

await open('state=done&samples=10000', 'Samples')
const filters = page.getByRole('group', { name: 'Which samples' })
await filters.getByText('All').click()
const samples = page.getByRole('table', { name: /^Samples/ })
await samples.getByRole('row').nth(5).waitFor()
const result = { samples: { scroll: await frames(() => scroll(samples)) } }
result.samples.filter = await frames(async () => {
  for (const name of ['Now wrong', 'Changed answer', 'All']) await filters.getByText(name).click()
})

await open('state=done&nodes=5000', 'Graph')
await page.getByRole('checkbox', { name: /the same/ }).check()
const nodes = page.getByRole('table', { name: /^Operators/ })
result.graph = { scroll: await frames(() => scroll(nodes)) }
result.graph.search = await frames(async () =>
  page.getByRole('searchbox').pressSequentially('block19 conv', { delay: 30 }),
)
await page.getByText('Drawing', { exact: true }).click()
const drawing = page.getByRole('application', { name: /^Drawing of the graph/ })
result.graph.layout = await frames(() => drawing.waitFor())
await drawing.focus()
result.graph.pan = await frames(async () => {
  for (let at = 0; at < 40; at++) await page.keyboard.press(at % 2 ? 'ArrowDown' : 'ArrowRight')
})
console.log(JSON.stringify(result, undefined, 2))
await browser.close()
await server.close()
