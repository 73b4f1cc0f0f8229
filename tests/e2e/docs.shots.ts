/** The pictures of the README and the docs, into docs/pictures/: `npm run screenshots -- docs.shots`. */
import path from 'node:path'
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
  await expect(pare.getByRole('region', { name: /^What runs on/ })).toBeVisible()
  await picture('export')
})
