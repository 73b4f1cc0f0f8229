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
  // The gallery has a page of them at a time; with the last page comes the last sample.
  const gallery = page.getByRole('list', { name: 'Samples' })
  await expect(gallery.getByRole('img')).toHaveCount(24)
  await page.getByRole('button', { name: 'Samples after these' }).click()
  await expect(gallery.getByRole('button', { name: 'Sample 24', exact: true })).toBeVisible()
  await page.getByRole('group', { name: 'How to show the samples' }).getByText('Table').click()
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

test('a graph of 5,000 nodes is drawn, zoomed about the pointer, searched and looked into; the list has it too', async ({
  page,
}) => {
  await page.goto(address('state=done&nodes=5000'))
  await page.getByRole('button', { name: /^Digits/ }).click()
  await page.getByRole('tab', { name: 'Graph' }).click()
  const drawing = page.getByRole('application', { name: /^Drawing of the graph/ })
  const camera = async (): Promise<{ x: number; y: number; zoom: number }> => {
    const [x, y, zoom] = (await drawing.getAttribute('data-camera'))!.split(' ').map(Number)
    return { x: x!, y: y!, zoom: zoom! }
  }
  // Blocks of 25 operators; only what is in sight is painted.
  await expect(page.getByText('200 nodes drawn')).toBeVisible()
  await expect.poll(async () => Number(await drawing.getAttribute('data-drawn'))).toBeGreaterThan(3)
  expect(Number(await drawing.getAttribute('data-drawn'))).toBeLessThan(40)
  await drawing.scrollIntoViewIfNeeded()
  const box = (await drawing.boundingBox())!
  expect(box.height, 'of a window of 800').toBeGreaterThan(480)
  const at = { x: 400, y: 250 }
  await page.mouse.move(box.x + at.x, box.y + at.y)
  const before = await camera()
  await page.mouse.wheel(0, 200)
  await expect.poll(async () => (await camera()).zoom).toBeLessThan(before.zoom)
  const after = await camera()
  expect(after.x + at.x / after.zoom).toBeCloseTo(before.x + at.x / before.zoom, 0)
  expect(after.y + at.y / after.zoom).toBeCloseTo(before.y + at.y / before.zoom, 0)
  await drawing.focus()
  await page.keyboard.press('ArrowDown')
  await expect.poll(async () => (await camera()).y).toBeGreaterThan(after.y)
  // The whole fits into the drawing; the map is there only while something is out of sight.
  const map = page.locator('.map', { has: page.locator('canvas') })
  await expect(map).toBeVisible()
  await page.getByRole('button', { name: 'Fit', exact: true }).click()
  await expect(drawing).toHaveAttribute('data-drawn', '200')
  await expect(map).toBeHidden()
  // The slash goes to the search field; Enter opens the block, selects the operator and brings it to the middle.
  await drawing.focus()
  await page.keyboard.press('/')
  await expect(page.getByRole('searchbox')).toBeFocused()
  await page.keyboard.type('block199 matmul')
  await page.keyboard.press('Enter')
  const panel = page.getByRole('region', { name: 'Operator /block199/MatMul_4978' })
  await expect(panel).toContainText('MACs')
  await expect(panel.getByRole('img', { name: /^Histogram/ })).toBeVisible()
  await expect(page.getByText('224 nodes drawn')).toBeVisible()
  await panel.getByRole('button', { name: 'Softmax' }).first().click()
  await expect(page.getByRole('region', { name: 'Operator /block199/Softmax_4979' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('region', { name: /^Operator/ })).toHaveCount(0)
  await page.getByRole('group', { name: 'Detail' }).getByText('Repeats once').click()
  await expect(page.getByText(/^[1-9] nodes? drawn/)).toBeVisible()

  await page.getByRole('group', { name: 'How to show the graph' }).getByText('List').click()
  const table = page.getByRole('table', { name: /^Operators/ })
  expect(await table.getByRole('row').count()).toBeLessThan(60)
  await page.getByRole('checkbox', { name: /the same/ }).check()
  await page.getByRole('searchbox').fill('block199 matmul')
  await expect(table).toHaveAttribute('aria-rowcount', '6')
})
