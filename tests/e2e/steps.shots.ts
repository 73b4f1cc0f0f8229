/**
 * Every step at three sizes, light and dark, whole from top to bottom, with text half as large again, at 4K and in
 * forced colours, into `screenshots/`: `npm run screenshots`.
 */
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, openSample, step, test } from './shell'

const folder = path.resolve(import.meta.dirname, '../../screenshots')
const SIZES = [
  { width: 1280, height: 800 },
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
]

const settled = (page: Page): Promise<unknown> =>
  // Charts are drawn again after a change of size.
  page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 150))))

const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: path.join(folder, `${name}.png`) })

/** What lies below the edge of the window too. */
async function shootWhole(page: Page, name: string): Promise<void> {
  const height = await page.evaluate(() =>
    ['header', 'main', 'footer'].reduce(
      (sum, part) => sum + (document.querySelector(part)?.scrollHeight ?? 0),
      0,
    ),
  )
  await page.setViewportSize({ width: SIZES[0]!.width, height: Math.max(SIZES[0]!.height, height) })
  await settled(page)
  await picture(page, `${name}-whole`)
}

async function shoot(page: Page, name: string): Promise<void> {
  for (const size of SIZES)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(size)
      await page.emulateMedia({ colorScheme })
      await settled(page)
      await picture(page, `${name}-${size.width}x${size.height}-${colorScheme}`)
    }
  await page.emulateMedia({ colorScheme: 'light' })
  await shootWhole(page, name)
  await page.setViewportSize({ width: 3840, height: 2160 })
  await settled(page)
  await picture(page, `${name}-4k`)
  await page.setViewportSize(SIZES[0]!)
  for (let press = 0; press < 5; press++) await page.keyboard.press('Control+=')
  await settled(page)
  await picture(page, `${name}-text`)
  await page.keyboard.press('Control+0')
  await page.emulateMedia({ forcedColors: 'active' })
  await settled(page)
  await picture(page, `${name}-forced`)
  await page.emulateMedia({ forcedColors: 'none' })
}

test('every step', async ({ pare }) => {
  // A busy machine takes its time for the smallest download.
  test.setTimeout(1_800_000)
  await shoot(pare, '0-empty')
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await shoot(pare, '1-model')
  await pare.getByRole('tab', { name: 'Graph' }).click()
  await expect(pare.getByRole('application', { name: /^Drawing/ })).toBeVisible()
  await pare.getByRole('application', { name: /^Drawing/ }).scrollIntoViewIfNeeded()
  await shoot(pare, '1-model-graph')
  await pare.getByRole('tab', { name: 'Sensitivity' }).click()
  await pare.getByRole('button', { name: 'Measure the sensitivity' }).click()
  await expect(pare.getByRole('table', { name: 'Sensitivity by layer' })).toBeVisible({ timeout: 300_000 })
  await shoot(pare, '1-model-sensitivity')
  await step(pare, 'Data').click()
  await expect(pare.getByRole('img', { name: /png/ }).first()).toBeVisible()
  await shoot(pare, '2-data')
  await step(pare, 'Goal').click()
  await shoot(pare, '3-goal-search')
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await shoot(pare, '3-goal-presets')
  await pare.getByRole('button', { name: 'Adapt…' }).nth(1).click()
  await pare.getByRole('tab', { name: 'Custom recipe' }).click()
  await expect(pare.getByRole('list', { name: 'Passes' })).toBeVisible()
  await shoot(pare, '3-goal-recipe')
  for (const preset of ['Safe', 'Balanced', 'Smallest download']) {
    await step(pare, 'Goal').click()
    await pare.getByRole('tab', { name: 'Presets' }).click()
    await pare.getByText(preset, { exact: true }).click()
    await expect(step(pare, 'Goal')).toContainText(preset)
    await pare.getByRole('button', { name: 'Start compressing' }).click()
    if (preset === 'Smallest download') {
      await expect(pare.getByRole('application', { name: /^Learning/ })).toBeVisible({ timeout: 300_000 })
      await shoot(pare, '4-compress-running')
    }
    await expect(pare.getByRole('button', { name: 'Go on to compare' })).toBeVisible({ timeout: 600_000 })
  }
  await shoot(pare, '4-compress')
  await step(pare, 'Compare').click()
  for (const name of ['Safe', 'Balanced'])
    await pare.getByRole('checkbox', { name: new RegExp(`^${name}`) }).check()
  await shoot(pare, '5-compare')
  for (const tab of ['Samples', 'Classes', 'Layers', 'Graph']) {
    await pare.getByRole('tab', { name: tab }).click()
    await expect(pare.getByRole('progressbar')).toHaveCount(0)
    if (tab === 'Samples') {
      await pare.getByRole('group', { name: 'Which samples' }).getByText('All').click()
      await expect(pare.getByRole('list', { name: 'Samples' }).getByRole('img').first()).toBeVisible()
    }
    await shoot(pare, `5-compare-${tab.toLowerCase()}`)
    if (tab === 'Samples') {
      await pare
        .getByRole('button', { name: /^Sample \d/ })
        .first()
        .click()
      await expect(pare.getByRole('dialog').getByRole('heading', { name: 'Original' })).toBeVisible()
      await shoot(pare, '5-compare-sample')
      await pare.keyboard.press('Escape')
    }
  }
  await step(pare, 'Export').click()
  await expect(pare.getByRole('region', { name: /^What runs on/ })).toBeVisible({ timeout: 240_000 })
  await pare.getByRole('button', { name: 'Save the bundle…' }).click()
  await expect(pare.getByText('Saved', { exact: true })).toBeVisible()
  await shoot(pare, '6-export')
  await pare.keyboard.press('Control+k')
  await expect(pare.getByPlaceholder('What do you want to do?')).toBeVisible()
  await shoot(pare, '7-commands')
})
