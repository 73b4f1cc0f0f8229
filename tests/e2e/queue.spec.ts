/** Several runs: waiting, order, pause, the last one now; learning that is ended early; the word when a run ends. */
import type { Page } from '@playwright/test'
import { expect, openSample, step, test } from './shell'

async function start(page: Page, preset: string): Promise<void> {
  await step(page, 'Goal').click()
  await page.getByRole('tab', { name: 'Presets' }).click()
  await page.getByText(preset, { exact: true }).click()
  await expect(step(page, 'Goal')).toContainText(preset)
  await page.getByRole('button', { name: 'Start compressing' }).click()
  await expect(step(page, 'Compress')).toHaveAttribute('aria-current', 'step')
}

const command = async (page: Page, words: string): Promise<void> => {
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('What do you want to do?').fill(words)
  await expect(page.getByRole('option', { name: words }).first()).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('Enter')
}

test('runs wait, change places, pause, and stop after the current one', async ({ pare }) => {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await command(pare, 'Pause the queue')
  for (const preset of ['Safe', 'Balanced', 'Fastest']) await start(pare, preset)
  const runs = pare.getByRole('region', { name: 'Runs' })
  const waiting = runs.getByRole('list').first().getByRole('listitem')
  await expect(waiting).toHaveText(['Safe', 'Balanced', 'Fastest'])
  await expect(pare.getByText('The queue is paused, so this run waits.')).toBeVisible()
  await waiting.filter({ hasText: 'Fastest' }).getByRole('button', { name: 'Run earlier' }).click()
  await expect(waiting).toHaveText(['Safe', 'Fastest', 'Balanced'])
  await waiting.filter({ hasText: 'Balanced' }).getByRole('button', { name: 'Take out of the queue' }).click()
  await expect(waiting).toHaveText(['Safe', 'Fastest'])
  await runs.getByRole('checkbox', { name: 'Finish the current run, then stop' }).check()
  await runs.getByRole('button', { name: 'Go on with the queue' }).click()
  await expect(step(pare, 'Compare')).toContainText('smaller', { timeout: 60_000 })
  await expect(waiting).toHaveText(['Fastest'])
  await expect(runs.getByRole('button', { name: 'Go on with the queue' })).toBeVisible()
  await runs.getByRole('button', { name: 'Go on with the queue' }).click()
  await expect(step(pare, 'Compress')).toContainText('2 candidates', { timeout: 60_000 })
})

test('learning draws its curve, and ends early with the best weights', async ({ pare }) => {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await step(pare, 'Goal').click()
  await pare.getByRole('tab', { name: 'Custom recipe' }).click()
  await pare.getByRole('button', { name: 'Add a pass…' }).click()
  await pare.getByPlaceholder('Search passes').fill('Distill')
  await pare.keyboard.press('Enter')
  await pare.getByText(/^Training settings/).click()
  const epochs = pare.getByRole('textbox', { name: 'Epochs' })
  await epochs.fill('400')
  await epochs.press('Tab')
  await expect(pare.getByRole('region', { name: /Distill/ })).toContainText('1 changed from the default')
  await pare.getByRole('button', { name: 'Start compressing' }).click()
  const curve = pare.getByRole('application', { name: /^Learning/ })
  await expect(curve).toBeVisible({ timeout: 60_000 })
  await expect(curve).toHaveAttribute('aria-label', /Distill/)
  await pare.getByRole('button', { name: 'Stop now, keep the best' }).click()
  await expect(step(pare, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
  await expect(pare.getByText(/best after/)).toBeVisible()
  await pare.getByText('How it learned').click()
  await expect(pare.getByRole('application', { name: /^Learning/ })).toBeVisible()
})

test('a run that ends while the window is hidden is told about', async ({ pare }) => {
  await pare.evaluate(() => {
    const told: string[] = []
    class Told {
      static readonly permission = 'granted'
      constructor(title: string, { body }: { body: string }) {
        told.push(`${title}: ${body}`)
      }
    }
    Object.assign(globalThis, { Notification: Told, told })
    Object.defineProperty(document, 'hidden', { get: () => true })
  })
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await start(pare, 'Safe')
  await expect(step(pare, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
  await expect
    .poll(() => pare.evaluate(() => (globalThis as unknown as { told: string[] }).told))
    .toEqual([expect.stringMatching(/^Finished: .*smaller/)])
})
