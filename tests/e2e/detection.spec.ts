/** A detector from its pictures with boxes to what it finds, drawn on them. */
import { expectAccessible } from './axe'
import { writeSquares } from './kinds-fixtures'
import { drop, expect, step, test } from './shell'

test('boxes: recognised, judged, and drawn on the picture, original against candidate', async ({
  pare,
  scratch,
}) => {
  await drop(pare, ...(await writeSquares(scratch)))
  await expect(step(pare, 'Data')).toContainText('the original: 100')
  await step(pare, 'Data').click()
  await expect(pare.getByRole('heading', { level: 1 })).toContainText(/40 images/)
  await expect(pare.getByText('mAP@50–95').first()).toBeVisible()
  await step(pare, 'Goal').click()
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await pare.getByText('Safe', { exact: true }).click()
  await pare.getByRole('button', { name: 'Start compressing' }).click()
  await expect(step(pare, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
  await step(pare, 'Compare').click()
  await pare.getByRole('tab', { name: 'Samples' }).click()
  await pare.getByRole('button', { name: 'Show all samples' }).click()
  await pare.getByRole('group', { name: 'How to show the samples' }).getByText('Table').click()
  await expect(pare.getByRole('table', { name: /^Samples/ })).toContainText('1 box')
  await pare.getByRole('table', { name: /^Samples/ }).focus()
  await pare.keyboard.press('Enter')
  const sample = pare.getByRole('dialog', { name: /^Sample/ })
  const drawn = sample.getByRole('figure')
  await expect(drawn).toHaveCount(2)
  for (const name of ['Original', 'Safe']) {
    const figure = drawn.filter({ hasText: name })
    await expect(figure).toContainText('1 found, 1 of them on a labelled box (dashed, 1 in all)')
    await expect(figure.getByText(/^square/)).toBeVisible()
  }
  await expectAccessible(pare, 'a sample of boxes')
})
