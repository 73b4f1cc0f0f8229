/** The desktop's icon is the drawing that the window shows. */
import path from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'

const icons = path.resolve(import.meta.dirname, '../../resources/icons')
const SIDE = 64

const pixels = (file: string): Promise<Buffer> =>
  sharp(path.join(icons, file), { density: 288 }).resize(SIDE, SIDE).ensureAlpha().raw().toBuffer()

test('icon.png is icon.svg, large enough for every installer', async () => {
  const { width, height } = await sharp(path.join(icons, 'icon.png')).metadata()
  expect([width, height]).toEqual([1024, 1024])
  const [drawn, kept] = await Promise.all([pixels('icon.svg'), pixels('icon.png')])
  const apart = drawn.reduce((sum, value, at) => sum + Math.abs(value - kept[at]!), 0) / drawn.length
  expect(apart, 'draw icon.png from icon.svg again').toBeLessThan(2)
})
