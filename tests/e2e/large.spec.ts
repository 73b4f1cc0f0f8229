/** Much of everything, on the window without a backend: only what is in sight exists. */
import { expect, test } from '@playwright/test'
import path from 'node:path'
import { build, preview, type PreviewServer } from 'vite'

const configFile = path.resolve(import.meta.dirname, '../renderer/fake/vite.config.ts')
let server: PreviewServer

test.beforeAll(async () => {
  await build({ configFile, logLevel: 'error' })
  server = await preview({ configFile, logLevel: 'error', preview: { port: 0, host: '127.0.0.1' } })
})

test.afterAll(async () => server.close())

const address = (query: string): string => `${server.resolvedUrls!.local[0]}?${query}`

test('10,000 samples scroll and filter with a handful of rows in the page', async ({ page }) => {
  await page.goto(address('state=done&samples=10000'))
  await page.getByRole('button', { name: /^Digits/ }).click()
  await page.getByRole('tab', { name: 'Samples' }).click()
  await page.getByRole('group', { name: 'Which samples' }).getByText('All').click()
  const table = page.getByRole('table', { name: /^Samples/ })
  await expect(table).toHaveAttribute('aria-rowcount', '10001')
  await table.focus()
  await page.keyboard.press('End')
  await expect(table.getByText('9,999')).toBeVisible()
  expect(await table.getByRole('row').count()).toBeLessThan(60)
  await page.keyboard.press('Home')
  await expect(table.getByRole('row').nth(1)).toContainText('0')
  await page.getByRole('combobox', { name: 'Class' }).selectOption('7')
  await expect(table).toHaveAttribute('aria-rowcount', '1001')
})

test('a graph of 5,000 nodes is listed, searched, and drawn within its budget', async ({ page }) => {
  await page.goto(address('state=done&nodes=5000'))
  await page.getByRole('button', { name: /^Digits/ }).click()
  await page.getByRole('tab', { name: 'Graph' }).click()
  const table = page.getByRole('table', { name: /^Operators/ })
  expect(await table.getByRole('row').count()).toBeLessThan(60)
  await page.getByRole('checkbox', { name: /the same/ }).check()
  await page.getByRole('searchbox').fill('block199 matmul')
  await expect(table).toHaveAttribute('aria-rowcount', '6')
  await page.getByText('Drawing', { exact: true }).click()
  await expect(page.getByText('200 nodes drawn')).toBeVisible()
  const drawing = page.getByRole('application', { name: /^Drawing of the graph/ })
  await expect(drawing).toBeVisible()
  expect(await drawing.locator('rect').count()).toBeLessThan(200)
  await drawing.focus()
  const before = await drawing.locator('> g').getAttribute('transform')
  await page.keyboard.press('ArrowDown')
  await expect(drawing.locator('> g')).not.toHaveAttribute('transform', before!)
})
