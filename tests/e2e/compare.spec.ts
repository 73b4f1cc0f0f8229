/** Candidates beside each other, models that answer with pictures, and bundles for each target. */
import type { Locator, Page } from '@playwright/test'
import { expectAccessible } from './axe'
import { writePictures } from './kinds-fixtures'
import { drop, expect, openSample, step, test } from './shell'

async function run(page: Page, preset: string, candidates: string): Promise<void> {
  await step(page, 'Goal').click()
  await page.getByRole('tab', { name: 'Presets' }).click()
  await page.getByText(preset, { exact: true }).click()
  await expect(step(page, 'Goal')).toContainText(preset)
  await page.getByRole('button', { name: 'Start compressing' }).click()
  await expect(step(page, 'Compress')).toContainText(candidates, { timeout: 60_000 })
}

test('three candidates beside the original, each looked into; a bundle for every target', async ({
  pare,
}) => {
  // Bundles for every target, each compiled, run and compared, are minutes where others run beside.
  test.slow()
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await run(pare, 'Safe', '1 candidate')
  await run(pare, 'Balanced', '2 candidates')
  await run(pare, 'Fastest', '3 candidates')
  await step(pare, 'Compare').click()
  for (const name of ['Safe', 'Balanced', 'Fastest'])
    await pare.getByRole('checkbox', { name: new RegExp(`^${name}`) }).check()
  const heads = pare.getByRole('region', { name: 'Measured' }).last().getByRole('columnheader')
  await expect(heads).toHaveText(['Measure', 'Original', 'Fastest', 'Balanced', 'Safe'])
  await expectAccessible(pare, 'Compare, three candidates')
  // One colour and one mark a candidate, wherever it stands, and not two the same.
  const markIn = (within: Locator): Promise<string> =>
    within
      .locator('svg[data-shape]')
      .first()
      .evaluate(
        (mark: SVGElement) => `${mark.dataset.shape} ${getComputedStyle(mark.firstElementChild!).fill}`,
      )
  const marks = [await markIn(heads.nth(1))]
  for (const name of ['Fastest', 'Balanced', 'Safe']) {
    marks.push(await markIn(heads.filter({ hasText: name })))
    expect(await markIn(pare.locator('label.chip', { hasText: name })), name).toBe(marks.at(-1))
  }
  expect(new Set(marks.map((mark) => mark.split(' ')[0])).size).toBe(4)
  expect(new Set(marks.map((mark) => mark.slice(mark.indexOf(' ')))).size).toBe(4)
  await pare.getByRole('tab', { name: 'Graph' }).click()
  const which = pare.getByRole('group', { name: 'Which candidate' })
  const list = pare.getByRole('group', { name: 'How to show the graph' }).getByText('List')
  await which.getByText('Balanced').click()
  // What came is one click away in the drawing: the first of it is selected, with what is known of it.
  await pare.getByRole('button', { name: /^\+ \d+ added/ }).click()
  // Which operators those are depends on what balanced kept for this processor: the panel's is in the list as well.
  const panel = pare.getByRole('region', { name: /^Operator/ })
  await expect(panel).toContainText('+ added')
  const operator = (await panel.getByRole('heading', { level: 3 }).first().innerText()).trim()
  await expectAccessible(pare, 'Compare, an operator of the graph')
  await list.click()
  await expect(pare.getByText(`+ ${operator}`, { exact: true }).first()).toBeVisible()
  await which.getByText('Safe').click()
  await list.click()
  await expect(pare.getByText('QuantizeLinear')).toHaveCount(0)

  await step(pare, 'Export').click()
  const targets = pare.getByRole('group', { name: 'Where it will run' })
  const titles = await targets.locator('.strong').allTextContents()
  expect(titles).toContain('PC without VNNI')
  for (const title of titles) {
    await targets.getByText(title, { exact: true }).click()
    await expect(pare.getByRole('region', { name: `What runs on ${title}` })).toBeVisible({ timeout: 60_000 })
    const checks = pare.getByRole('region', { name: 'Checks for this target' })
    await expect(checks).toContainText(/Opset|opset/)
    // What a target wants is done, not asked for: no tool of another language is named.
    await expect(checks).not.toContainText(/python|\bpip\b|make_dynamic/i)
  }
  await expectAccessible(pare, 'Export, the last target')
  await pare.getByRole('button', { name: 'Save the bundle…' }).click()
  await expect(pare.getByText('Saved', { exact: true })).toBeVisible()
  await pare.getByRole('button', { name: 'Save the bundle…' }).click()
  const question = pare.getByRole('dialog', { name: 'Replace the bundle that is there?' })
  await question.getByRole('button', { name: 'Keep it' }).click()
  await expect(pare.getByText('Saved', { exact: true })).toHaveCount(0)
  await pare.getByRole('button', { name: 'Save the bundle…' }).click()
  await question.getByRole('button', { name: 'Replace' }).click()
  await expect(pare.getByText('Saved', { exact: true })).toBeVisible()
  await expect(step(pare, 'Export')).toContainText('1 bundle saved')
  await pare.getByTitle('All projects').click()
  await expect(
    pare.getByRole('button', { name: /^Show the last bundle of Handwritten digits/ }),
  ).toBeVisible()
})

test('candidates measured together have one original, after a reload too', async ({ pare }) => {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await run(pare, 'Safe', '1 candidate')
  await run(pare, 'Balanced', '2 candidates')
  const measured = pare.getByRole('region', { name: 'Measured' }).last()
  const both = async (): Promise<void> => {
    await step(pare, 'Compare').click()
    for (const name of ['Safe', 'Balanced'])
      await pare.getByRole('checkbox', { name: new RegExp(`^${name}`) }).check()
  }
  await both()
  // Their times are of two sittings, until they are measured in one: by itself, unless a person stops it.
  await expect(measured).not.toContainText('latency p50')
  await pare.getByRole('button', { name: 'Stop measuring' }).click()
  await expect(pare.getByRole('button', { name: 'Measure them together' })).toBeVisible()
  await expect(measured).not.toContainText('latency p50')
  await pare.reload()
  await both()
  await expect(measured).toContainText('latency p50', { timeout: 60_000 })
  const figures = await measured.innerText()
  await pare.reload()
  for (const name of ['Safe', 'Balanced'])
    await expect(pare.getByRole('checkbox', { name: new RegExp(`^${name}`) })).toBeChecked()
  await expect.poll(() => measured.innerText()).toBe(figures)
})

test('pictures as answers are compared with a slider between them', async ({ pare, scratch }) => {
  await drop(pare, ...(await writePictures(scratch)))
  await expect(step(pare, 'Data')).toContainText('no labels')
  await run(pare, 'Safe', '1 candidate')
  await step(pare, 'Compare').click()
  await pare.getByRole('tab', { name: 'Samples' }).click()
  await pare.getByRole('button', { name: 'Show all samples' }).click()
  await pare.getByRole('group', { name: 'How to show the samples' }).getByText('Table').click()
  await pare.getByRole('table', { name: /^Samples/ }).focus()
  await pare.keyboard.press('Enter')
  const sample = pare.getByRole('dialog', { name: /^Sample/ })
  await expect(sample.getByRole('img', { name: 'Original' })).toBeVisible()
  const slider = sample.getByRole('slider', { name: 'Original at the left, Safe at the right' })
  await slider.focus()
  const before = await sample.getByRole('img', { name: 'Safe' }).evaluate((node) => node.style.clipPath)
  await pare.keyboard.press('ArrowRight')
  await expect
    .poll(() => sample.getByRole('img', { name: 'Safe' }).evaluate((node) => node.style.clipPath))
    .not.toBe(before)
  await expectAccessible(pare, 'a sample of pictures')
})
