/** Every kind of data beside pictures and signals: dropped with its model, recognised, proved, shown. */
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expectAccessible } from './axe'
import { writeKind, writeLoose, type Kind } from './kinds-fixtures'
import { drop, expect, step, test } from './shell'

interface Journey {
  kind: Kind
  says: RegExp
  /** What of a sample must be in sight. */
  preview(page: Page): Promise<void>
}

const samples = (page: Page) =>
  page.getByRole('region', { name: 'Samples', exact: true }).getByRole('listitem')

const JOURNEYS: readonly Journey[] = [
  {
    kind: 'csv',
    says: /60 rows/,
    async preview(page) {
      await expect(samples(page).first()).toContainText('temperature')
      await expect(samples(page).first()).toContainText(/up|down/)
    },
  },
  {
    kind: 'parquet',
    says: /40 rows/,
    async preview(page) {
      await expect(samples(page).first()).toContainText('f2')
      await expect(samples(page).first()).toContainText(/ash|birch|cedar|dogwood/)
    },
  },
  {
    kind: 'text',
    says: /60 texts/,
    async preview(page) {
      await expect(samples(page).first()).toContainText(/(good|bad)( (film|was|very|the)){3}/)
    },
  },
  {
    kind: 'wav',
    says: /24 sounds/,
    async preview(page) {
      await expect(samples(page).first().getByRole('img')).toBeVisible()
      await expect(samples(page).first()).toContainText(/loud|quiet/)
    },
  },
  {
    kind: 'inputs',
    says: /60 samples/,
    async preview(page) {
      await expect(samples(page).first()).toContainText('left')
      await expect(samples(page).first()).toContainText('right')
    },
  },
]

for (const { kind, says, preview } of JOURNEYS)
  test(`${kind}: dropped with its model, the original answers rightly and the samples are shown`, async ({
    pare,
    scratch,
  }) => {
    await drop(pare, ...writeKind(kind, scratch))
    await expect(step(pare, 'Data')).toContainText('the original: 100')
    await step(pare, 'Data').click()
    await expect(pare.getByRole('heading', { level: 1 })).toContainText(says)
    await expect(pare.getByText('Right answers')).toBeVisible()
    await preview(pare)
    await expectAccessible(pare, `Data, ${kind}`)
  })

test('weights that lie beside their model: dropped together, or after it', async ({ pare, scratch }) => {
  const [model, weights] = writeLoose(scratch)
  await drop(pare, model!)
  await expect(pare.getByRole('alert')).toContainText(path.basename(weights!))
  await drop(pare, weights!)
  await expect(pare.getByRole('heading', { name: 'At a glance' })).toBeVisible()
  await pare.getByTitle('All projects').click()
  await drop(pare, model!, weights!)
  await expect(pare.getByRole('heading', { name: 'At a glance' })).toBeVisible()
})
