/** Parts of the window that stand by themselves, and what each does that another could break. */
import { createRawSnippet, flushSync } from 'svelte'
import { describe, expect, it, vi } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import NoHost from '../../../src/renderer/frame/NoHost.svelte'
import { fold } from '../../../src/renderer/graph/fold'
import { lay } from '../../../src/renderer/graph/layered'
import Minimap from '../../../src/renderer/graph/Minimap.svelte'
import { NODE, sceneOf } from '../../../src/renderer/graph/scene'
import PreprocessingForm from '../../../src/renderer/steps/data/PreprocessingForm.svelte'
import DropZone from '../../../src/renderer/ui/DropZone.svelte'
import { finishedRun, project } from '../fake/fixtures'
import { graphDiff } from '../fake/host'
import { button, key, openWindow, press, render, settle, type } from './render'

const at = (step: string, more = '') => `project=${project().id}&step=${step}${more}`
const done = () => project({ goal: finishedRun().goal, runs: [finishedRun()] })

describe('without a Pare to talk to', () => {
  it('the page says what it belongs to, and what went wrong', () => {
    const { text, find } = render(NoHost, { thrown: new PareError('app/address-used', {}) })
    expect(find('h1').textContent).toBe('Pare cannot be reached')
    expect(text()).toContain('open the address that Pare printed')
    expect(find('[role=alert]').textContent).not.toContain('internal')
  })
})

describe('the minimap', () => {
  const drawing = fold(graphDiff(2000, false).nodes, 'operators', new Set())
  const scene = sceneOf(
    drawing,
    lay({ nodes: drawing.nodes.map(({ id }) => id), edges: drawing.edges, ...NODE }),
  )
  const seen = { width: 800, height: 600 }
  const px = (node: HTMLElement, side: 'top' | 'height' | 'width'): number => parseFloat(node.style[side])

  it('is the whole graph within the window, with what is in sight marked where it is', () => {
    const camera = { x: 0, y: scene.height / 2, zoom: 1 }
    const { find } = render(Minimap, { scene, seen, camera, onmove: vi.fn() })
    const [canvas, sight] = [find('canvas'), find('.sight')]
    expect(px(canvas, 'height')).toBeLessThanOrEqual(seen.height)
    expect(px(sight, 'top') / px(canvas, 'height')).toBeCloseTo(0.5, 1)
    expect(px(sight, 'height')).toBeGreaterThanOrEqual(4)
    expect(px(sight, 'top') + px(sight, 'height')).toBeLessThanOrEqual(px(canvas, 'height') + 0.001)
  })

  it('brings what is pressed into the middle, and follows the pointer while it is down', () => {
    const onmove = vi.fn()
    const { find } = render(Minimap, { scene, seen, camera: { x: 0, y: 0, zoom: 2 }, onmove })
    const [map, canvas] = [find('.map'), find('canvas')]
    map.setPointerCapture = vi.fn()
    const pointer = (name: string, clientY: number): void => {
      map.dispatchEvent(new PointerEvent(name, { bubbles: true, clientX: 0, clientY }))
      flushSync()
    }
    pointer('pointermove', 10)
    expect(onmove).not.toHaveBeenCalled()
    const middle = px(canvas, 'height') / 2
    pointer('pointerdown', middle)
    const camera = onmove.mock.lastCall![0] as { y: number; zoom: number }
    expect(camera.zoom).toBe(2)
    expect(camera.y + seen.height / camera.zoom / 2).toBeCloseTo(scene.height / 2, 3)
    pointer('pointermove', middle + 5)
    expect(onmove).toHaveBeenCalledTimes(2)
    pointer('pointerup', middle)
    pointer('pointermove', 0)
    expect(onmove).toHaveBeenCalledTimes(2)
  })
})

describe('preprocessing by hand', () => {
  const preprocessing = {
    kind: 'image' as const,
    ...{ width: 28, height: 28, channels: 3 as const, resize: 'stretch' as const, cropRatio: 1 },
    ...{ order: 'rgb' as const, layout: 'nchw' as const, scale: 1 / 255, invert: false },
    ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  }
  const form = () => {
    const onapply = vi.fn()
    const oncancel = vi.fn()
    const rendered = render(PreprocessingForm, { preprocessing, onapply, oncancel } as never)
    const field = (label: string): HTMLInputElement =>
      document.getElementById(
        rendered.all<HTMLLabelElement>('label').find((one) => one.textContent === label)!.htmlFor,
      ) as HTMLInputElement
    const submit = (): void => {
      rendered.find('form').dispatchEvent(new SubmitEvent('submit', { cancelable: true }))
      flushSync()
    }
    return { ...rendered, onapply, oncancel, field, submit }
  }

  it('starts from what is in use, and gives back what was changed and the rest as it was', () => {
    const { field, submit, onapply } = form()
    expect(field('Mean, per channel').value).toBe('0.5, 0.5, 0.5')
    type(field('Mean, per channel'), '0.485; 0.456 0.406')
    field('Invert').click()
    type(field('Width'), '32')
    submit()
    expect(onapply).toHaveBeenCalledExactlyOnceWith({
      ...preprocessing,
      ...{ mean: [0.485, 0.456, 0.406], invert: true, width: 32 },
    })
    expect(preprocessing.mean).toEqual([0.5, 0.5, 0.5])
  })

  it('cannot be used while a list holds something that is no number', () => {
    const { field, oncancel } = form()
    type(field('Standard deviation, per channel'), '0.2, many')
    expect((button('Use and score') as HTMLButtonElement).disabled).toBe(true)
    type(field('Standard deviation, per channel'), '0.2, 0.2, 0.2')
    expect((button('Use and score') as HTMLButtonElement).disabled).toBe(false)
    button('Leave as it is').click()
    expect(oncancel).toHaveBeenCalledOnce()
  })
})

describe('a place to drop', () => {
  it('says what to drop, and what else can be done there', () => {
    const children = createRawSnippet(() => ({ render: () => '<button>Open a model…</button>' }))
    const { find } = render(DropZone, { title: 'Drop a model', note: 'or two', icon: 'file', children })
    expect(find('.title').textContent).toBe('Drop a model')
    expect(find('.buttons button').textContent).toBe('Open a model…')
    // The picture grows with the text.
    expect(find('svg').getAttribute('width')).toBe('1.75rem')
  })
})

describe('one sample whole', () => {
  async function open() {
    const opened = await openWindow({ project: done() }, at('compare', '&compare=samples'))
    opened.all<HTMLInputElement>('fieldset input[type=checkbox], .picker input[type=checkbox]')[1]?.click()
    await settle()
    await press(/^Sample 0$/)
    return opened
  }

  it('has every model under its mark, and bars in the colour it has everywhere', async () => {
    const { all, find } = await open()
    const dialog = find('[role=dialog]')
    const heads = [...dialog.querySelectorAll('h3')]
    expect(heads[0]!.textContent.trim()).toBe('Original')
    expect(heads[0]!.querySelector('svg')!.dataset.shape).toBe('diamond')
    const colours = heads.map(
      (head) => head.parentElement!.querySelector<HTMLElement>('.bar')!.style.background,
    )
    expect(colours[0]).toBe('')
    expect(new Set(colours).size).toBe(colours.length)
    expect(colours[1]).toMatch(/^var\(--candidate-[123]\)$/)
    expect(all('[role=dialog] h3').length).toBeGreaterThan(1)
  })

  it('arrows go from sample to sample and stop at the ends', async () => {
    const { find } = await open()
    const place = (): string => /\d+ of/.exec(find('[role=dialog]').textContent!)![0]
    expect(place()).toBe('1 of')
    expect((button('The sample before (←)') as HTMLButtonElement).disabled).toBe(true)
    await key('ArrowLeft')
    expect(place()).toBe('1 of')
    await key('ArrowRight')
    expect(place()).toBe('2 of')
    await press('The sample before (←)')
    expect(place()).toBe('1 of')
    // With a modifier they are the browser's.
    await key('ArrowRight', { altKey: true })
    expect(place()).toBe('1 of')
  })
})

describe('a bundle that was saved', () => {
  const record = {
    id: 'e1',
    candidate: finishedRun().candidates[0]!.id,
    target: 'any',
    where: '/out/digits.zip',
    bytes: 9000,
    at: new Date(0).toISOString(),
  }
  const open = (shell: 'electron' | 'browser') =>
    openWindow({ project: { ...done(), exports: [record] }, shell }, at('export'))

  it('can be dragged out of the app, which the system then does', async () => {
    const { find, host } = await open('electron')
    const invoke = vi.spyOn(host, 'invoke')
    const place = find('[draggable=true]')
    const drag = new Event('dragstart', { bubbles: true, cancelable: true })
    place.dispatchEvent(drag)
    await settle()
    expect(drag.defaultPrevented).toBe(true)
    expect(invoke).toHaveBeenCalledWith('export.drag', { export: 'e1' })
  })

  it('stays text in a browser, whose pages hand no files over', async () => {
    const { all, text } = await open('browser')
    expect(text()).toContain('/out/digits.zip')
    expect(all('[draggable=true]')).toEqual([])
  })
})

describe('a step that throws', () => {
  it('says so in its place, with the log to copy; the rail and the other steps go on', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const broken = done()
    if (broken.model.state === 'ready')
      broken.model = { ...broken.model, value: { ...broken.model.value, issues: null as never } }
    const { find, text } = await openWindow({ project: broken }, at('model'))
    expect(find('h1').textContent).toBe('This step stopped')
    expect(find('[role=alert] pre').textContent).toContain('"stack"')
    expect(text()).toContain('Show it again')
    await press(/^Goal/)
    expect(find('h1').textContent).toBe('Goal')
    vi.restoreAllMocks()
  })
})
