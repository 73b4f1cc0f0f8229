/** A moving picture of the window: what it shows while a test drives it, cut to a length, as an animated WebP. */
import fs from 'node:fs'
import type { Page } from '@playwright/test'
import sharp from 'sharp'

export interface Frame {
  /** Milliseconds. */
  at: number
  picture: Buffer
}

interface Cut {
  picture: Buffer
  milliseconds: number
}

/** Between two looks at the window. */
const EVERY = 250
/** What does not change longer than this is no use to who watches. */
const LONGEST = 1800
/** Programs that show such pictures take shorter ones for a tenth of a second. */
const SHORTEST = 40
const LAST = 2500

/** Pictures that are the same are one; waits are cut, and then everything runs as much faster as the length asks. */
export function cutTo(seconds: number, frames: readonly Frame[]): Cut[] {
  const scenes = frames.filter(({ picture }, i) => i === 0 || !picture.equals(frames[i - 1]!.picture))
  const spans = scenes.map(({ at, picture }, i) => ({
    picture,
    milliseconds: Math.min(LONGEST, (scenes[i + 1]?.at ?? at + LAST) - at),
  }))
  const last = spans.pop()
  if (!last) return []
  const total = spans.reduce((sum, { milliseconds }) => sum + milliseconds, 0)
  const faster = Math.max(1, total / (seconds * 1000 - LAST))
  const kept: Cut[] = []
  let over = 0
  for (const { picture, milliseconds } of spans) {
    over += milliseconds / faster
    if (over < SHORTEST) continue
    kept.push({ picture, milliseconds: Math.round(over) })
    over = 0
  }
  return [...kept, { picture: last.picture, milliseconds: LAST }]
}

/** Films while `play` goes on; gives what it takes in bytes. */
export async function film(
  page: Page,
  { file, seconds, width }: { file: string; seconds: number; width: number },
  play: () => Promise<void>,
): Promise<number> {
  const frames: Frame[] = []
  let playing = true
  const camera = (async () => {
    while (playing) {
      frames.push({ at: Date.now(), picture: await page.screenshot() })
      await new Promise((resolve) => setTimeout(resolve, EVERY))
    }
  })()
  try {
    await play()
  } finally {
    playing = false
    await camera
  }
  const cuts = cutTo(seconds, frames)
  const pictures = await Promise.all(
    cuts.map(({ picture }) => sharp(picture).resize({ width }).png({ compressionLevel: 1 }).toBuffer()),
  )
  await sharp(pictures, { join: { animated: true } })
    .webp({ delay: cuts.map(({ milliseconds }) => milliseconds), loop: 0, quality: 55, effort: 4 })
    .toFile(file)
  return fs.statSync(file).size
}
