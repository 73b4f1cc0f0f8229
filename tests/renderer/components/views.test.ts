/** How a sample's answers are drawn, by kind, and the smaller parts that draw. */
import { flushSync } from 'svelte'
import { describe, expect, it } from 'vitest'
import type { SampleDetail } from '../../../src/contract/compare'
import Boxes from '../../../src/renderer/steps/compare/views/Boxes.svelte'
import Events from '../../../src/renderer/steps/compare/views/Events.svelte'
import Masks from '../../../src/renderer/steps/compare/views/Masks.svelte'
import Neighbours from '../../../src/renderer/steps/compare/views/Neighbours.svelte'
import Numbers from '../../../src/renderer/steps/compare/views/Numbers.svelte'
import Poses from '../../../src/renderer/steps/compare/views/Poses.svelte'
import Text from '../../../src/renderer/steps/compare/views/Text.svelte'
import Bundle from '../../../src/renderer/steps/export/Bundle.svelte'
import FileTree from '../../../src/renderer/steps/export/FileTree.svelte'
import Sparkline from '../../../src/renderer/ui/Sparkline.svelte'
import { original, sample } from '../fake/fixtures'
import { render, type as enter } from './render'

const detail: SampleDetail = {
  preview: { ...sample(0), thumbnail: 'data:image/png;base64,AA==', title: '0/0001.png' },
  row: { index: 0, title: '0/0001.png', label: '0', outputs: [] } as unknown as SampleDetail['row'],
  outputs: [],
}
const models = <V>(...views: V[]) => views.map((view, at) => ({ name: at ? 'int8' : 'Original', view }))

describe('boxes', () => {
  const box = { left: 0.25, top: 0.5, right: 0.75, bottom: 1, name: 'drone' }
  const view = {
    kind: 'boxes' as const,
    truth: [box],
    found: [
      { ...box, score: 0.914, matches: true },
      { ...box, left: 0, right: 0.1, score: 0.4, matches: false },
    ],
  }

  it('stand where they are, with their names, and say how many lie on a labelled one', () => {
    const { all, text } = render(Boxes, { detail, outputs: models(view, { ...view, found: [] }) })
    const [truth, unsure, sure] = all('.box')
    expect(truth!.className).toContain('truth')
    for (const one of [truth!, sure!])
      expect(one.getAttribute('style')).toMatch(/left: 25%; top: 50%; width: 50%; height: 50%/)
    expect(unsure!.className).toContain('miss')
    expect(sure!.textContent!.trim()).toBe('drone 91%')
    expect(text()).toContain('2 found, 1 of them on a labelled box (dashed, 1 in all)')
    expect(text()).toContain('0 found, 0 of them')
  })
})

describe('poses', () => {
  const point = (x: number) => ({ x, y: 0.5 })
  const body = { points: Array.from({ length: 17 }, (_, i) => (i === 3 ? null : point(i / 20))) }
  const view = {
    kind: 'poses' as const,
    truth: [body],
    found: [
      { ...body, near: 0.9, score: 1 },
      { points: [point(0.1)], near: 0.2, score: 0.5 },
    ],
  }

  it('have limbs where both ends are known, points elsewhere, and say how many are near', () => {
    const { all, text } = render(Poses, { detail, outputs: models(view) })
    // COCO has sixteen limbs here; the one to the left ear is not labelled.
    expect(all('line')).toHaveLength(15)
    expect(all('line.miss')).toHaveLength(0)
    expect(all('.point.truth')).toHaveLength(16)
    expect(all('.point.miss')).toHaveLength(1)
    expect(all('.point.truth')[1]!.getAttribute('style')).toMatch(/left: 5%; top: 50%/)
    expect(text()).toContain('2 found, 1 of them near a labelled one (rings, 1 in all)')
  })
})

describe('events', () => {
  const view = {
    kind: 'events' as const,
    scores: [0.1, 0.9, 0.95, 0.2, 0.8],
    truth: [0, 1, 1, 0, 0],
    threshold: 0.5,
    at: 1,
    wave: [[-0.5, 0.5]] as [number, number][],
  }

  it('are shaded over the wave and every model’s scores; alarms are counted where they begin', () => {
    const { all, find, text } = render(Events, { detail, outputs: models(view) })
    expect(find('svg').getAttribute('aria-label')).toBe('Wave of the clip')
    const [event] = all<SVGRectElement>('rect.event')
    expect([event!.getAttribute('x'), event!.getAttribute('width')]).toEqual(['120', '240'])
    expect(text()).toContain('2 alarms in 5 steps; shaded: 1 event of the labels')
    // A surer score lies higher.
    expect(find('path.score').getAttribute('d')).toMatch(/^M0 80\.\d+H120L120 11\.\d+H240/)
  })

  it('without a wave there is none', () => {
    const { all } = render(Events, { detail, outputs: models({ ...view, wave: undefined }) })
    expect(all('svg[role=img]').map((one) => one.getAttribute('aria-label'))).toEqual(['Scores of Original'])
  })
})

describe('masks, texts, numbers', () => {
  it('masks of the labels and of every model lie over what the model was fed', () => {
    const view = {
      kind: 'masks' as const,
      mask: 'data:m',
      truth: 'data:t',
      legend: [{ name: 'road', colour: 'red' }],
    }
    const { all, text } = render(Masks, {
      detail: { ...detail, inputImage: 'data:i' },
      outputs: models(view),
    })
    expect(all<HTMLImageElement>('img').map((one) => one.getAttribute('src'))).toEqual([
      'data:i',
      'data:t',
      'data:i',
      'data:m',
    ])
    expect(text()).toContain('road')
  })

  it('texts underline what differs, and name entities', () => {
    const view = (wrong: boolean) => ({
      kind: 'text' as const,
      truth: [{ text: 'Ada', mark: 'person' }],
      parts: wrong ? [{ text: 'Adu', wrong }] : [{ text: 'Ada', mark: 'person' }],
    })
    const { all, text } = render(Text, { detail, outputs: models(view(false), view(true)) })
    expect(all('.wrong').map((one) => one.textContent)).toEqual(['Adu'])
    expect(all('.marked')).toHaveLength(2)
    expect(text().match(/differs from the labels/g)).toHaveLength(1)
  })

  it('numbers have bars by their size, surest first, and pictures a slider between them', () => {
    const view = {
      kind: 'numbers' as const,
      sure: true,
      values: [
        { name: 'cat', value: 0.8 },
        { name: 'dog', value: 0.2 },
      ],
    }
    const { all, find, text } = render(Numbers, {
      detail,
      outputs: models({ ...view, image: 'data:a' }, { ...view, image: 'data:b' }),
    })
    expect(all('tr')).toHaveLength(4)
    expect(text()).toMatch(/cat ?80%/)
    const slider = find<HTMLInputElement>('input[type=range]')
    expect(slider.getAttribute('aria-label')).toBe('Original at the left, int8 at the right')
    enter(slider, '20')
    expect(all('img')[1]!.getAttribute('style')).toContain('inset(0 0 0 20%)')
  })
})

describe('small parts', () => {
  it('a signal is drawn on one scale for all its series, six at most', () => {
    const { all, find } = render(Sparkline, {
      series: Array.from({ length: 8 }, () => [0, 1]),
      label: 'x',
      range: [0, 2],
    })
    expect(all('path')).toHaveLength(6)
    expect(find('path').getAttribute('d')).toBe('M0.0 38.0L240.0 20.0')
  })

  it('the size to download is that of the file which the code loads', () => {
    const entry = (name: string, bytes: number, downloadBytes: number) => ({
      ...{ name, bytes, downloadBytes },
      what: '',
    })
    const { text } = render(Bundle, {
      plan: {
        entries: [entry('model.onnx', 4000, 2000), entry('model.ort', 5000, 2100)],
        ...{ bytes: 9000, downloadBytes: 2000, checks: [] },
        snippets: [{ language: 'kotlin', title: 'Kotlin', code: 'open("model.ort")' }],
      },
      target: 'Android',
      original: { ...original, downloadBytes: 8400 },
    })
    expect(text()).toContain('2.1 kB to download, 4× smaller than the original')
  })

  it('folders of a bundle open and close', () => {
    const entries = [
      { name: 'model.onnx', bytes: 2000, downloadBytes: 1500, what: 'the model' },
      { name: 'golden/0/input.npy', bytes: 10, downloadBytes: 10, what: '' },
    ]
    const { all, find } = render(FileTree, { entries })
    const names = () => all('.name').map((one) => one.textContent!.trim())
    expect(names()).toEqual(expect.arrayContaining(['golden', 'model.onnx']))
    expect(names()).not.toContain('input.npy')
    find<HTMLButtonElement>('button[aria-expanded=false]').click()
    flushSync()
    find<HTMLButtonElement>('button[aria-expanded=false]').click()
    flushSync()
    expect(names()).toContain('input.npy')
  })
})

describe('neighbours', () => {
  const near = (index: number, likeness: number) => ({ index, likeness, title: `${index}.png`, label: 'cat' })
  const before = { kind: 'neighbours' as const, among: 59, found: [near(3, 0.98), near(7, 0.9)] }
  const after = {
    ...before,
    found: [
      { ...near(7, 0.94), was: 2, same: true },
      { ...near(3, 0.91), was: 1, same: false },
    ],
  }

  it('stand in the order of each model, with where they were and whose class they are', () => {
    const { all, text } = render(Neighbours, { detail, outputs: models(before, after) })
    const rows = all('li').map((row) => row.textContent!.replace(/\s+/g, ' ').trim())
    expect(rows).toHaveLength(4)
    expect(rows[0]).toBe('1 3.png cat 0.980')
    expect(rows[2]).toBe('1 7.png cat 0.940 was 2.')
    expect(rows[3]).toContain('another class')
    expect(all('.question')[0]!.getAttribute('alt')).toBe('0/0001.png')
    expect(text()).toContain('most alike of 59 others')
  })
})
