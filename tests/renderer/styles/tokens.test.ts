/**
 * The tokens against what they promise: contrast by WCAG 2.2, and data colours that stay apart for people who see no red,
 * green or blue, by the matrices of Machado, Oliveira and Fernandes (2009) and distances in OKLab (Ottosson, 2020).
 */
import fs from 'node:fs'
import { describe, expect, test } from 'vitest'

type Triple = [number, number, number]
const css = fs.readFileSync('src/renderer/styles/tokens.css', 'utf8')
const THEMES = ['light', 'dark'] as const

function linear(hex: string): Triple {
  const channel = (at: number): number => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return [channel(1), channel(3), channel(5)]
}

function token(name: string, theme: (typeof THEMES)[number]): Triple {
  const found = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css)
  if (!found) throw new Error(`no token ${name}`)
  return linear(found[theme === 'light' ? 1 : 2]!)
}

const luminance = ([r, g, b]: Triple): number => 0.2126 * r + 0.7152 * g + 0.0722 * b

function contrast(a: Triple, b: Triple): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

const times = (m: number[][], v: Triple): Triple =>
  m.map((row) => row[0]! * v[0] + row[1]! * v[1] + row[2]! * v[2]) as Triple

const SIGHTS: Record<string, number[][]> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

function oklab(colour: Triple): Triple {
  const root = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour.map((value) => Math.max(0, value)) as Triple,
  ).map(Math.cbrt) as Triple
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    root,
  )
}

describe.each(THEMES)('in the %s theme', (theme) => {
  const of = (name: string): Triple => token(name, theme)

  test.each([
    ['text', ['ground', 'surface', 'surface-sunken', 'hover', 'accent-soft']],
    ['text-muted', ['ground', 'surface', 'surface-sunken', 'hover']],
    ['accent', ['ground', 'surface', 'accent-soft']],
    ['on-accent', ['accent']],
    ['good', ['surface', 'good-soft']],
    ['warn', ['surface', 'warn-soft']],
    ['bad', ['surface', 'bad-soft']],
  ])('%s can be read', (name, grounds) => {
    for (const ground of grounds)
      expect(contrast(of(name), of(ground)), `on ${ground}`).toBeGreaterThanOrEqual(4.5)
  })

  const DATA = ['original', 'candidate-1', 'candidate-2', 'candidate-3']
  test.each(DATA)('%s is seen on the surface', (name) => {
    expect(contrast(of(name), of('surface'))).toBeGreaterThanOrEqual(3)
  })

  // 0.02 is what can just be seen side by side.
  test.each(Object.entries(SIGHTS))('no two data colours look alike to %s sight', (_, seen) => {
    const colours = DATA.map((name) => oklab(times(seen, of(name))))
    for (const [at, one] of colours.entries())
      for (const [more, other] of colours.slice(at + 1).entries()) {
        const apart = Math.hypot(...one.map((value, axis) => value - other[axis]!))
        expect(apart, `${DATA[at]} and ${DATA[at + 1 + more]}`).toBeGreaterThan(0.12)
      }
  })
})

test('motion takes 120 to 200 ms, and none where people want none', () => {
  const [usual, reduced] = css.split('prefers-reduced-motion')
  for (const name of ['quick', 'calm']) {
    const time = Number(new RegExp(`--${name}: (\\d+)ms`).exec(usual!)![1])
    expect(time).toBeGreaterThanOrEqual(120)
    expect(time).toBeLessThanOrEqual(200)
    expect(reduced).toContain(`--${name}: 0ms`)
  }
})

test('colours are named by the tokens alone', () => {
  const files = fs
    .readdirSync('src/renderer', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.svelte') || file.endsWith('base.css'))
  const named = files.filter((file) =>
    /#[0-9a-f]{6}\b|rgba?\(/i.test(fs.readFileSync(`src/renderer/${file}`, 'utf8')),
  )
  expect(named).toEqual([])
})

test('words are never in a data colour: those stand out as marks, at less contrast than reading asks for', () => {
  const files = fs
    .readdirSync('src/renderer', { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(svelte|css)$/.test(file))
  const worded = files.filter((file) =>
    /[\s;{"]color:\s*var\(--(compressed|original|candidate)/.test(
      fs.readFileSync(`src/renderer/${file}`, 'utf8'),
    ),
  )
  expect(worded).toEqual([])
})
