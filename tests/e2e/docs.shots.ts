/** The pictures of the README and the docs, into docs/pictures/: `npm run screenshots -- docs.shots`. */
import path from 'node:path'
import { film } from './film'
import { expect, openSample, step, test } from './shell'

const folder = path.resolve(import.meta.dirname, '../../docs/pictures')

test('pictures of the docs', async ({ pare }) => {
  test.slow()
  const picture = (name: string): Promise<Buffer> =>
    pare.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled' })
  await pare.setViewportSize({ width: 1280, height: 800 })
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await step(pare, 'Goal').click()
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await pare.getByText('Balanced', { exact: true }).click()
  await expect(step(pare, 'Goal')).toContainText('Balanced')
  await picture('goal')
  await pare.getByRole('button', { name: 'Start compressing' }).click()
  await expect(pare.getByRole('button', { name: 'Go on to compare' })).toBeVisible({ timeout: 240_000 })
  await step(pare, 'Compare').click()
  await expect(pare.getByRole('progressbar')).toHaveCount(0)
  await picture('compare')
  await step(pare, 'Export').click()
  await expect(pare.getByRole('region', { name: /^What runs on/ })).toBeVisible({ timeout: 240_000 })
  await picture('export')
})

test('a moving picture of the window', async ({ pare }) => {
  // However long a machine takes: waits are cut out.
  test.setTimeout(1_200_000)
  await pare.setViewportSize({ width: 1120, height: 700 })
  const look = (seconds: number): Promise<void> => pare.waitForTimeout(seconds * 1000)
  const file = path.join(folder, 'window.webp')
  const bytes = await film(pare, { file, seconds: 30, width: 840 }, async () => {
    await look(1)
    await openSample(pare)
    await look(2)
    await step(pare, 'Data').click()
    await expect(step(pare, 'Data')).toContainText('the original:')
    await look(2)
    await step(pare, 'Goal').click()
    await pare.getByRole('tab', { name: 'Presets' }).click()
    await look(1)
    await pare.getByText('Safe', { exact: true }).click()
    await look(1)
    await pare.getByRole('button', { name: 'Start compressing' }).click()
    await expect(pare.getByRole('button', { name: 'Go on to compare' })).toBeVisible({ timeout: 900_000 })
    await look(2)
    await step(pare, 'Compare').click()
    await expect(pare.getByRole('progressbar')).toHaveCount(0)
    await look(3)
    await step(pare, 'Export').click()
    await expect(pare.getByRole('region', { name: /^What runs on/ })).toBeVisible({ timeout: 240_000 })
    await look(3)
  })
  expect(bytes).toBeLessThan(2_500_000)
})
