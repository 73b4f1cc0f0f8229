/** What goes wrong says what, where and what to do, and loses nothing. */
import fs from 'node:fs'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { drop, expect, killChildrenOf, openSample, resource, startShell, step, test } from './shell'

const MODEL = resource('samples', 'digits', 'lenet5.onnx')

test('a truncated model, a text renamed .onnx, an empty folder: a sentence each', async ({
  pare,
  scratch,
}) => {
  const truncated = path.join(scratch, 'half.onnx')
  fs.writeFileSync(truncated, fs.readFileSync(MODEL).subarray(0, 100_000))
  await drop(pare, truncated)
  await expect(pare.getByRole('alert')).toContainText('half.onnx')
  await expect(pare.getByRole('alert')).toContainText(/cut short|ends in the middle|interrupted/)

  const text = path.join(scratch, 'notes.onnx')
  fs.writeFileSync(text, 'Dear diary, this is not a model.\n'.repeat(40))
  await drop(pare, text)
  await expect(pare.getByRole('alert')).toContainText('notes.onnx')
  await expect(pare.getByRole('alert')).toContainText(/not an ONNX model|not recognise|neither/i)

  await pare.getByTitle('All projects').click()
  await openSample(pare)
  await step(pare, 'Data').click()
  const empty = path.join(scratch, 'nothing')
  fs.mkdirSync(empty)
  await drop(pare, empty)
  await expect(pare.getByRole('alert')).toContainText('nothing')
  await expect(pare.getByRole('alert')).toContainText(/no samples|empty/i)
})

test('data of the wrong shape names the input and both shapes', async ({ pare }) => {
  await openSample(pare)
  await step(pare, 'Data').click()
  await expect(pare.getByText('Right answers')).toBeVisible()
  await drop(pare, resource('samples', 'bearing', 'data', 'validation.npz'))
  await expect(pare.getByRole('alert')).toContainText(/28/)
  await expect(pare.getByRole('alert')).toContainText(/1024/)
  await pare.getByText('Details', { exact: true }).click()
  await expect(pare.getByRole('button', { name: 'Copy details' })).toBeVisible()
})

/** A recipe that learns for long enough to be met in the middle. */
async function startLongRun(pare: Parameters<typeof openSample>[0]): Promise<void> {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await step(pare, 'Goal').click()
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await pare.getByText('Balanced', { exact: true }).click()
  await expect(step(pare, 'Goal')).toContainText('Balanced')
  await pare.getByRole('button', { name: 'Start compressing' }).click()
  await expect(pare.getByRole('progressbar')).toBeVisible()
}

test('cancel asks, stops within seconds and keeps what is finished', async ({ pare }) => {
  await startLongRun(pare)
  await pare
    .getByRole('contentinfo', { name: 'What is running' })
    .getByRole('button', { name: 'Cancel' })
    .click()
  const question = pare.getByRole('dialog', { name: 'Cancel this run?' })
  // Where nothing has begun yet there is nothing to lose and nothing is asked.
  if (await question.isVisible({ timeout: 500 }).catch(() => false))
    await question.getByRole('button', { name: 'Cancel the run' }).click()
  await expect(pare.getByText('cancelled', { exact: false }).first()).toBeVisible({ timeout: 5_000 })
  await pare.getByRole('button', { name: 'Resume' }).click()
  await expect(step(pare, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
})

test('a killed engine is said so, and the run resumes', async ({ pare, shell }) => {
  test.skip(process.platform !== 'linux', 'the engine is found through /proc')
  await startLongRun(pare)
  killChildrenOf(shell.process.pid!)
  await expect(pare.getByRole('alert')).toContainText(/engine/i)
  await pare.getByRole('button', { name: 'Resume' }).click()
  await expect(step(pare, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
})

test('a killed Pare: the project is there again and the run resumes', async ({ pare, shell, page }) => {
  await startLongRun(pare)
  const finished = (window: Page) => window.getByText(/^\d+ → \d+ nodes/)
  await expect(finished(pare)).toBeVisible()
  await shell.stop('SIGKILL')
  await expect(pare.getByText('The connection to Pare is lost.')).toBeVisible()
  const again = await startShell(shell.dataDir)
  try {
    // Where one was, with what was finished; then from Home, by the one button there.
    await page.goto(again.address)
    await page.reload()
    await expect(page.getByRole('heading', { level: 1, name: 'Interrupted' })).toBeVisible()
    await expect(step(page, 'Compress')).toHaveAttribute('aria-current', 'step')
    await expect(finished(page)).toBeVisible()
    await page.getByTitle('All projects').click()
    const recent = page.getByRole('region', { name: 'Recent' })
    await expect(recent).toContainText('interrupted')
    await recent.getByRole('button', { name: 'Resume Handwritten digits' }).click()
    await expect(step(page, 'Compress')).toHaveAttribute('aria-current', 'step')
    await expect(step(page, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
  } finally {
    await again.stop('SIGKILL')
  }
})

test('a closed window is shown again by a second start, where one was, with the run that goes on', async ({
  pare,
  shell,
  context,
}) => {
  await startLongRun(pare)
  await pare.close()
  const second = await startShell(shell.dataDir)
  expect(new URL(second.address).port).toBe(new URL(shell.address).port)
  const page = await context.newPage()
  await page.goto(second.address)
  await expect(step(page, 'Compress')).toHaveAttribute('aria-current', 'step')
  await expect(page.getByRole('progressbar')).toBeVisible()
})

test('a damaged file of Pare is told at home until it is dismissed', async ({ shell, page }) => {
  await shell.stop('SIGKILL')
  fs.writeFileSync(path.join(shell.dataDir, 'settings.json'), '{"theme": "da')
  const home = async (look: () => Promise<void>): Promise<void> => {
    const again = await startShell(shell.dataDir)
    await page.goto(again.address)
    await page.reload()
    await expect(page.getByText('Drop an ONNX model')).toBeVisible()
    await look()
    await again.stop('SIGKILL')
  }
  const notice = page.getByRole('alert').filter({ hasText: 'settings.json' })
  await home(() => expect(notice).toContainText('set aside'))
  await home(async () => {
    await expect(notice).toBeVisible()
    await notice.getByRole('button', { name: 'Close this message' }).click()
    await expect(notice).toBeHidden()
  })
  await home(() => expect(notice).toBeHidden())
})

test('a page reloaded before it was let in is let in then', async ({ shell, page }) => {
  let lost = 0
  await page.route('**/session', async (route) => {
    // The server has answered; the page never hears it.
    await route.fetch()
    lost++
    await route.abort()
  })
  await page.goto(shell.address)
  await expect.poll(() => lost).toBe(1)
  await page.unroute('**/session')
  await page.reload()
  await expect(page.getByText('Drop an ONNX model')).toBeVisible()
  expect(page.url()).not.toContain('token')
})
