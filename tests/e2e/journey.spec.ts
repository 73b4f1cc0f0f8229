/** The main job: from a drop to an exported bundle, on the digits sample's own files. */
import fs from 'node:fs'
import path from 'node:path'
import yauzl from 'yauzl'
import type { Page } from '@playwright/test'
import { expectAccessible } from './axe'
import { drop, expect, openSample, resource, step, test } from './shell'

const MODEL = resource('samples', 'digits', 'lenet5.onnx')
const DATA = resource('samples', 'digits', 'data')

const entriesOf = (file: string): Promise<string[]> =>
  new Promise((resolve, reject) =>
    yauzl.open(file, { lazyEntries: false }, (error, zip) => {
      if (error) return reject(error)
      const names: string[] = []
      zip.on('entry', (entry: { fileName: string }) => names.push(entry.fileName))
      zip.on('end', () => resolve(names))
    }),
  )

const LAYERS = ['/conv1/Conv', '/conv2/Conv', '/fc1/Gemm', '/fc2/Gemm']

/** Bytes or seconds of a figure as it is written: '229 kB', '610 µs'. */
function figure(text: string): number {
  const [, digits, unit] = /^([\d.,]+)\s*(\S*)$/.exec(text.trim())!
  const factor = { G: 1e9, M: 1e6, k: 1e3, m: 1e-3, µ: 1e-6 }[unit!.length > 1 ? unit![0]! : ''] ?? 1
  return Number(digits!.replaceAll(',', '')) * factor
}

/** The bars of the answers begin at zero and are as long as their figures say. */
async function expectBars(page: Page): Promise<void> {
  const answers = page.getByRole('list', { name: /against the original$/ }).getByRole('listitem')
  await expect(answers).toHaveCount(3)
  for (const [at, title] of ['To download', 'Time per answer', 'Right answers'].entries()) {
    await expect(answers.nth(at)).toContainText(title)
    const [before, after] = await answers
      .nth(at)
      .locator('.side')
      .evaluateAll((sides) =>
        sides.map((side) => {
          const track = side.querySelector('.track')!.getBoundingClientRect()
          const bar = side.querySelector('.bar')!.getBoundingClientRect()
          return {
            from: bar.left - track.left,
            share: bar.width / track.width,
            text: side.querySelector('.value')!.textContent,
          }
        }),
      )
    expect([before!.from, after!.from], title).toEqual([0, 0])
    const ratio = figure(after!.text) / figure(before!.text)
    expect(after!.share / before!.share / ratio, title).toBeCloseTo(1, 1)
    // A share ends at 100%, whatever both are.
    if (title === 'Right answers') expect(before!.share).toBeCloseTo(figure(before!.text) / 100, 2)
  }
}

test('drop, data, recipe, run, compare, export', async ({ pare, scratch }) => {
  const started = Date.now()

  await test.step('a model and its data dropped together are told apart', async () => {
    await drop(pare, MODEL, DATA)
    await expect(pare.getByRole('heading', { name: 'lenet5.onnx' })).toBeVisible()
    await expect(step(pare, 'Model')).toContainText('431')
    await expect(step(pare, 'Data')).toContainText('the original:')
    await expectAccessible(pare, 'Model')
  })

  await test.step('the data is recognised and proved by the baseline', async () => {
    await pare.getByRole('button', { name: 'Go on to data' }).click()
    await expect(pare.getByRole('heading', { level: 1 })).toContainText('600 images')
    await expect(pare.getByText('Right answers')).toBeVisible()
    const pictures = pare.getByRole('img', { name: /png/ })
    await expect(pictures.first()).toBeVisible()
    // A sample's label and file stand under its own picture, and within its width.
    const stray = await pictures.evaluateAll((all) =>
      all.filter((picture) => {
        const { left, right, bottom } = picture.getBoundingClientRect()
        return [...picture.parentElement!.querySelectorAll('.caption > *')].some((word) => {
          const box = word.getBoundingClientRect()
          return box.left < left - 1 || box.right > right + 1 || box.top < bottom
        })
      }),
    )
    expect(stray).toHaveLength(0)
    await expectAccessible(pare, 'Data')
  })

  await test.step('a recipe of two passes, with undo', async () => {
    await pare.getByRole('button', { name: 'Go on to goal' }).click()
    await expectAccessible(pare, 'Goal, search')
    await pare.getByRole('tab', { name: 'Presets' }).click()
    // One is recommended, and each says what it may give for this very model, and how long that takes.
    await expect(pare.getByText('Recommended', { exact: true })).toHaveCount(1)
    await expect(pare.getByText(/^About .*smaller, in /)).toHaveCount(4)
    await expectAccessible(pare, 'Goal, presets')
    await pare.getByRole('tab', { name: 'Custom recipe' }).click()
    for (const pass of ['Simplify', 'Static integer quantization']) {
      await pare.getByRole('button', { name: 'Add a pass…' }).click()
      await expect(pare.getByPlaceholder('Search passes')).toBeFocused()
      await pare.keyboard.type(pass)
      await expect(pare.getByRole('option', { name: pass })).toHaveAttribute('aria-selected', 'true')
      await pare.keyboard.press('Enter')
      await expect(pare.getByRole('region', { name: new RegExp(pass) })).toBeVisible()
    }
    const passes = pare.getByRole('list', { name: 'Passes' }).locator('> li')
    await expect(passes).toHaveCount(2)
    await pare.getByRole('button', { name: 'Undo the recipe change' }).click()
    await expect(passes).toHaveCount(1)
    await pare.getByRole('button', { name: 'Redo the recipe change' }).click()
    await expect(passes).toHaveCount(2)
    await expect(step(pare, 'Goal')).toContainText('2 passes')
    await expectAccessible(pare, 'Goal, recipe')
  })

  await test.step('the run ends with a candidate on the chart', async () => {
    await pare.getByRole('button', { name: 'Start compressing' }).click()
    await expect(pare.getByRole('button', { name: 'Go on to compare' })).toBeVisible({ timeout: 60_000 })
    await expect(pare.getByRole('table', { name: 'Candidates' }).getByRole('row')).toHaveCount(2)
    await pare.getByRole('button', { name: 'Size against quality as a table' }).click()
    await expect(pare.getByRole('cell', { name: 'original', exact: true })).toBeVisible()
    await expectAccessible(pare, 'Compress')
  })

  await test.step('the comparison: verdict, samples, classes, layers, graph', async () => {
    await pare.getByRole('button', { name: 'Go on to compare' }).click()
    await expect(pare.getByRole('heading', { level: 1 })).toContainText('smaller')
    await expectBars(pare)
    await expectAccessible(pare, 'Compare, overview')
    await pare.getByRole('tab', { name: 'Samples' }).click()
    await pare.getByRole('group', { name: 'Which samples' }).getByText('All').click()
    const gallery = pare.getByRole('list', { name: 'Samples' })
    await expect(gallery.getByRole('img').nth(3)).toBeVisible()
    await expectAccessible(pare, 'Compare, samples')
    await gallery
      .getByRole('button', { name: /^Sample/ })
      .first()
      .click()
    const sample = pare.getByRole('dialog')
    await expect(sample.getByRole('heading', { name: 'Original' })).toBeVisible()
    await expect(sample.getByText('1 of ')).toBeVisible()
    await pare.keyboard.press('ArrowRight')
    await expect(sample.getByText('2 of ')).toBeVisible()
    await pare.keyboard.press('Escape')
    await pare.getByRole('group', { name: 'How to show the samples' }).getByText('Table').click()
    const rows = pare.getByRole('table', { name: /^Samples/ }).getByRole('row')
    await expect(rows.nth(3)).toBeVisible()
    await pare.getByRole('tab', { name: 'Classes' }).click()
    await expect(pare.getByRole('region', { name: 'Confusion matrix of Original' })).toBeVisible()
    // A change of a class never stands without its interval.
    const classes = pare.getByRole('table', { name: 'By class' }).getByRole('row')
    await expect(classes).toHaveCount(11)
    await expect(classes.nth(1)).toContainText(/[±+−]\d\S* \(\S+ to \S+\)/)
    await expectAccessible(pare, 'Compare, classes')
    await pare.getByRole('tab', { name: 'Layers' }).click()
    const layers = pare.getByRole('table', { name: 'Layers' })
    const times = pare.getByRole('table', { name: 'Time by operator' })
    await expect(times).toBeVisible()
    // One row a layer, by the names that the Model step has, with the time of what the runtime made of it.
    expect((await layers.locator('code').allTextContents()).toSorted()).toEqual(LAYERS)
    for (const layer of LAYERS) {
      await expect(layers.getByRole('row', { name: layer })).toContainText(/\d\s[µm]s → /)
      await expect(times.getByRole('cell', { name: layer, exact: true }).first()).toBeVisible()
    }
    await expectAccessible(pare, 'Compare, layers')
    await pare.getByRole('tab', { name: 'Graph' }).click()
    await expect(pare.getByText(/\d+ changed|\d+ added/).first()).toBeVisible()
    await expectAccessible(pare, 'Compare, graph')
    const report = pare.waitForEvent('download')
    await pare.getByRole('button', { name: 'HTML report' }).click()
    const file = path.join(scratch, 'report.html')
    await (await report).saveAs(file)
    expect(fs.readFileSync(file, 'utf8')).not.toMatch(/<(script|link|img)[^>]+(src|href)="https?:/)
  })

  await test.step('the bundle is planned, saved and whole', async () => {
    await pare.getByRole('button', { name: 'Go on to export' }).click()
    // The file that the code loads stands first, the rest is folded.
    const runs = pare.getByRole('region', { name: /^What runs on/ })
    await expect(runs).toContainText(/^What runs on Any ONNX Runtime\s*model\.(onnx|ort)/)
    const headline = (await runs.locator('.display').first().boundingBox())!
    const cards = (await pare.getByRole('group', { name: 'Where it will run' }).boundingBox())!
    expect(headline.height, 'the largest type of the step').toBeGreaterThan(30)
    expect(headline.y + headline.height).toBeLessThan(cards.y)
    await expect(pare.getByText('manifest.json')).toHaveCount(0)
    await runs.getByRole('button', { name: /^Show what else is in the bundle/ }).click()
    await expect(runs.getByText('manifest.json')).toBeVisible()
    await expectAccessible(pare, 'Export')
    const download = pare.waitForEvent('download')
    await pare.getByRole('button', { name: 'Save the bundle…' }).click()
    await expect(pare.getByText('Saved', { exact: true })).toBeVisible()
    const file = path.join(scratch, 'bundle.zip')
    await (await download).saveAs(file)
    const names = await entriesOf(file)
    for (const name of ['model.onnx', 'model.ort', 'manifest.json', 'report.html', 'README.md'])
      expect(
        names.some((entry) => entry.endsWith(name)),
        name,
      ).toBe(true)
    await expect(step(pare, 'Export')).toContainText('1 bundle saved')
  })

  const seconds = (Date.now() - started) / 1000
  console.log(`from drop to bundle: ${seconds.toFixed(0)} s`)
  expect(seconds).toBeLessThan(180)
})

test('the keyboard alone gets from the sample to a bundle', async ({ pare }) => {
  const press = (...keys: string[]) =>
    keys.reduce<Promise<void>>(
      (before, key) => before.then(() => pare.keyboard.press(key)),
      Promise.resolve(),
    )
  const command = async (words: string): Promise<void> => {
    await press('Control+k')
    await expect(pare.getByPlaceholder('What do you want to do?')).toBeFocused()
    await pare.keyboard.type(words)
    await expect(pare.getByRole('option', { name: words }).first()).toHaveAttribute('aria-selected', 'true')
    await press('Enter')
  }
  await command('Try the sample')
  await expect(pare.getByRole('heading', { name: 'At a glance' })).toBeVisible()
  await press('Control+2')
  await expect(pare.getByText('Right answers')).toBeVisible()
  await press('Control+3')
  await expect(pare.getByRole('heading', { level: 1, name: 'Goal' })).toBeFocused()
  await pare.getByRole('tab', { name: 'Find the best for me' }).focus()
  await press('ArrowRight')
  await expect(pare.getByRole('tab', { name: 'Presets' })).toBeFocused()
  await press('Tab', 'Tab')
  await expect(pare.getByRole('radio', { name: /Safe/ })).toBeFocused()
  await press('Space')
  await expect(step(pare, 'Goal')).toContainText('Safe')
  await press('Control+Enter')
  await expect(step(pare, 'Compress')).toContainText('1 candidate', { timeout: 60_000 })
  const chart = pare.getByRole('application', { name: /^Size against quality/ })
  await chart.focus()
  await press('ArrowRight')
  await expect(pare.locator('[aria-live="polite"]').filter({ hasText: 'download' })).not.toHaveCount(0)
  await press('Control+5')
  await expect(pare.getByRole('heading', { level: 1 })).toContainText('smaller')
  await press('Control+6')
  await expect(pare.getByRole('region', { name: /^What runs on/ })).toBeVisible()
  await press('Control+s')
  await expect(step(pare, 'Export')).toContainText('1 bundle saved')
})

test('the sample is there at once, with projects that persist', async ({ pare }) => {
  await openSample(pare)
  await pare.getByTitle('Rename the project').click()
  await pare.getByRole('textbox', { name: 'Name' }).fill('My digits')
  await pare.getByRole('button', { name: 'Rename' }).click()
  await expect(pare.getByTitle('Rename the project')).toHaveText('My digits')
  await pare.getByRole('tab', { name: 'Operators' }).click()
  await pare.reload()
  // A reload comes back to project, step and tab; the browser's Back goes a step back.
  await expect(pare.getByRole('tab', { name: 'Operators' })).toHaveAttribute('aria-selected', 'true')
  await step(pare, 'Data').click()
  await expect(step(pare, 'Data')).toHaveAttribute('aria-current', 'step')
  await pare.goBack()
  await expect(step(pare, 'Model')).toHaveAttribute('aria-current', 'step')
  await pare.getByTitle('All projects').click()
  await pare
    .getByRole('region', { name: 'Recent' })
    .getByRole('button', { name: /^My digits/ })
    .click()
  // A sample has a goal of two minutes from the start, so its work goes on there.
  await expect(pare.getByRole('button', { name: 'Start compressing, up to 2 min' })).toBeVisible()
})
