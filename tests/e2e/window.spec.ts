/** The frame: themes, text size, small windows, forced colours, less motion, settings, recipes as files. */
import fs from 'node:fs'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expectAccessible } from './axe'
import { drop, expect, openSample, step, test } from './shell'

const STEPS = ['Model', 'Data', 'Goal', 'Compress', 'Compare', 'Export']
const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor)

/** Of what the rail says nothing is cut off. */
const cutInRail = (page: Page): Promise<string[]> =>
  page
    .locator('nav .line')
    .evaluateAll((lines) =>
      lines.filter((line) => line.scrollHeight > line.clientHeight + 1).map((line) => line.textContent),
    )

test('light, dark and text size are kept', async ({ pare }) => {
  // What Pare is stands first and largest, a picture beside it, samples in sight below.
  const [headline, picture, card] = await Promise.all(
    [
      pare.getByRole('heading', { level: 1 }),
      pare.getByRole('img', { name: /same answers/ }),
      pare.getByRole('region', { name: 'Samples' }).locator('.card').first(),
    ].map(async (one) => (await one.boundingBox())!),
  )
  expect(headline!.height).toBeGreaterThan(60)
  expect(picture!.x).toBeGreaterThan(headline!.x + headline!.width)
  expect(picture!.y).toBeLessThan(400)
  expect(card!.y + card!.height).toBeLessThan(800)
  const choose = async (title: string): Promise<void> => {
    await pare.getByRole('button', { name: 'Theme' }).click()
    await pare.getByRole('menuitem', { name: title }).click()
  }
  const light = await background(pare)
  await choose('Dark')
  await expect.poll(() => background(pare)).not.toBe(light)
  await expectAccessible(pare, 'the empty state, dark')
  await pare.keyboard.press('Control+=')
  await pare.keyboard.press('Control+=')
  await expect
    .poll(() => pare.evaluate(() => getComputedStyle(document.documentElement).fontSize))
    .toBe('19.2px')
  await pare.reload()
  await expect(pare.getByText('Drop an ONNX model')).toBeVisible()
  await expect.poll(() => background(pare)).not.toBe(light)
  await pare.keyboard.press('Control+0')
  await expect
    .poll(() => pare.evaluate(() => getComputedStyle(document.documentElement).fontSize))
    .toBe('16px')
  await choose('As the system')
  await expect.poll(() => background(pare)).toBe(light)
})

test('settings, shortcuts and about open, close and give the focus back', async ({ pare }) => {
  await pare.keyboard.press('Control+,')
  await expect(pare.getByRole('dialog', { name: 'Settings' })).toBeVisible()
  await pare.getByRole('spinbutton', { name: 'Threads' }).fill('2')
  await pare.keyboard.press('Escape')
  await expect(pare.getByRole('dialog')).toHaveCount(0)
  for (const [words, title] of [
    ['Keyboard shortcuts', 'Keyboard shortcuts'],
    ['About', 'About Pare'],
  ] as const) {
    await pare.getByRole('button', { name: 'All commands' }).click()
    await expectAccessible(pare, 'the palette')
    await pare.getByPlaceholder('What do you want to do?').fill(words)
    await pare.keyboard.press('Enter')
    await expect(pare.getByRole('dialog', { name: title })).toBeVisible()
    await expectAccessible(pare, title)
    await pare.keyboard.press('Escape')
  }
  await expect(pare.getByRole('button', { name: 'All commands' })).toBeFocused()
})

test('small window, dark, forced colours, less motion: every step stays inside and accessible', async ({
  pare,
}) => {
  await openSample(pare)
  await expect(step(pare, 'Data')).toContainText('the original:')
  await pare.setViewportSize({ width: 1024, height: 700 })
  await pare.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  for (const name of STEPS) {
    await step(pare, name).click()
    const heading = pare.getByRole('heading', { level: 1 })
    await expect(heading).toBeFocused()
    const gutters = await heading.evaluate((node) => {
      const [page, head] = [document.querySelector('main')!, node.closest('header') ?? node]
      const [outer, inner] = [page.getBoundingClientRect(), head.getBoundingClientRect()]
      return [inner.left - outer.left, outer.left + page.clientWidth - inner.right]
    })
    expect(Math.abs(gutters[0]! - gutters[1]!), `gutters of ${name}`).toBeLessThanOrEqual(1)
    const wide = await pare.evaluate(
      () =>
        document.documentElement.scrollWidth > innerWidth ||
        document.querySelector('main')!.scrollWidth > document.querySelector('main')!.clientWidth,
    )
    expect(wide, `${name} is wider than the window`).toBe(false)
    expect(await cutInRail(pare)).toEqual([])
    await expectAccessible(pare, `${name}, small and dark`)
  }
  const moving = await pare.evaluate(
    () => document.getAnimations().filter(({ playState }) => playState === 'running').length,
  )
  expect(moving).toBe(0)

  // What lies over a page, in the dark too.
  for (const menu of [/^Device/, 'Theme']) {
    await pare.getByRole('button', { name: menu }).click()
    await expect(pare.getByRole('menu')).toBeVisible()
    await expectAccessible(pare, `the menu ${menu}, dark`)
    await pare.keyboard.press('Escape')
  }
  await step(pare, 'Goal').click()
  await pare.getByRole('combobox', { name: 'Runs on' }).click()
  await expect(pare.getByRole('option', { name: 'Android, NPU' })).toBeVisible()
  await expectAccessible(pare, 'an open select, dark')
  await pare.keyboard.press('Escape')
  await pare.keyboard.press('Control+k')
  await expect(pare.getByPlaceholder('What do you want to do?')).toBeFocused()
  await expectAccessible(pare, 'the palette, dark')
  await pare.keyboard.press('Escape')

  // From text half as large again to a screen of 4K nothing is pushed out of the window.
  for (const [width, height, larger] of [
    [1280, 800, 5],
    [3840, 2160, 0],
  ] as const) {
    await pare.setViewportSize({ width, height })
    await pare.keyboard.press('Control+0')
    for (let press = 0; press < larger; press++) await pare.keyboard.press('Control+=')
    for (const name of STEPS) {
      await step(pare, name).click()
      await expect(pare.getByRole('heading', { level: 1 })).toBeFocused()
      const over = await pare.evaluate(() => {
        const page = document.querySelector('main')!
        return Math.max(
          document.documentElement.scrollWidth - innerWidth,
          page.scrollWidth - page.clientWidth,
        )
      })
      expect(over, `${name}, ${width} wide, text larger by ${larger} tenths`).toBeLessThanOrEqual(0)
      expect(await cutInRail(pare)).toEqual([])
    }
  }
  await pare.setViewportSize({ width: 1024, height: 700 })

  await pare.emulateMedia({ forcedColors: 'active', colorScheme: 'light' })
  // What is drawn has the colours of the system too, and is not all of one.
  await step(pare, 'Model').click()
  await pare.getByRole('tab', { name: 'Graph' }).click()
  const drawing = pare.getByRole('application', { name: /^Drawing/ })
  await expect.poll(async () => Number(await drawing.getAttribute('data-drawn'))).toBeGreaterThan(3)
  const canvas = drawing.locator('canvas').first()
  const drawn = await canvas.evaluate((node: HTMLCanvasElement) => {
    const { data } = node.getContext('2d')!.getImageData(0, 0, node.width, node.height)
    const seen = new Set<string>()
    for (let at = 0; at < data.length; at += 4) seen.add(`rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`)
    return {
      ground: [...seen][0],
      canvas: getComputedStyle(document.body).backgroundColor,
      colours: seen.size,
    }
  })
  expect(drawn.ground).toBe(drawn.canvas)
  expect(drawn.colours).toBeGreaterThan(10)
  await step(pare, 'Goal').click()
  const current = pare.locator('nav [aria-current="step"]')
  expect(
    await current.evaluate((node) => getComputedStyle(node).outlineStyle),
    'the current step is marked without colour',
  ).toBe('solid')
})

test('a recipe goes out as a file and comes back by a drop', async ({ pare, scratch }) => {
  await openSample(pare)
  await step(pare, 'Goal').click()
  await pare.getByRole('tab', { name: 'Presets' }).click()
  await pare.getByRole('button', { name: 'Adapt…' }).first().click()
  await pare.getByRole('tab', { name: 'Custom recipe' }).click()
  await pare.getByRole('textbox', { name: 'Name' }).fill('Mine')
  await pare.getByRole('textbox', { name: 'Name' }).press('Enter')
  await pare.getByRole('textbox', { name: 'Name' }).blur()
  await expect(step(pare, 'Goal')).toContainText('Mine')
  const download = pare.waitForEvent('download')
  await pare.getByRole('button', { name: 'Export…' }).click()
  const file = path.join(scratch, 'mine.json')
  await (await download).saveAs(file)
  const recipe = JSON.parse(fs.readFileSync(file, 'utf8')) as { name: string; steps: unknown[] }
  expect(recipe).toMatchObject({ pare: 1, name: 'Mine' })

  fs.writeFileSync(file, JSON.stringify({ ...recipe, name: 'Theirs' }))
  await drop(pare, file)
  await expect(step(pare, 'Goal')).toContainText('Theirs')
})
