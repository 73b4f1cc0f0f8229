/** The whole window on a host in memory: what each step shows, and what its controls do. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lay } from '../../../src/renderer/graph/layered'
import type { LaidOut, LayoutInput } from '../../../src/renderer/graph/layout'
import { finishedRun, loadedData, project, sample } from '../fake/fixtures'
import { button, key, openWindow, press, settle, type } from './render'

const done = () => project({ goal: finishedRun().goal, runs: [finishedRun()] })
const at = (step: string, more = '') => `project=${project().id}&step=${step}${more}`

describe('home', () => {
  it('says in one line what Pare does, and has a picture of it', async () => {
    const { find } = await openWindow()
    expect(find('h1').className).toContain('display')
    expect(find('svg[role=img]').getAttribute('aria-label')).toContain('the same answers')
  })

  it('shows samples as cards with a picture, what one sees, and how long', async () => {
    const { all } = await openWindow()
    const cards = all('[aria-label=Samples] button')
    expect(cards).toHaveLength(2)
    expect(cards[0]!.textContent).toMatch(/Handwritten digits.*smaller.*about 2 minutes/s)
    expect(cards[0]!.querySelector('img')!.getAttribute('src')).toMatch(/^data:image\/svg/)
  })

  it('shows what became of a project, its trade-off and its verdict', async () => {
    const { find } = await openWindow({ project: done() })
    const recent = find('[aria-label=Recent] li')
    expect(recent.textContent).toMatch(/10\.9× smaller.*done/s)
    expect(recent.querySelectorAll('circle')).toHaveLength(3)
    expect(recent.querySelectorAll('circle.outside')).toHaveLength(1)
  })

  it('says of a project that it is at work', async () => {
    const run = { ...finishedRun(), status: 'running' as const, candidates: [] }
    const { find } = await openWindow({ project: project({ runs: [run] }) })
    expect(find('[aria-label=Recent] li').textContent).toContain('running')
  })

  it('offers one Resume where a run was interrupted, and goes there', async () => {
    const run = { ...finishedRun(), status: 'interrupted' as const, resumable: true, candidates: [] }
    const { find } = await openWindow({ project: project({ runs: [run] }) })
    await press(/^Resume/)
    expect(find('[aria-current=step]').textContent).toContain('Compress')
  })

  it('opens what was begun where its work goes on', async () => {
    const { find } = await openWindow({ project: done() })
    await press(/^Digits/)
    expect(find('[aria-current=step]').textContent).toContain('Compare')
    await press(/^Pare/)
    expect(find('h1').textContent).toContain('Small enough to ship')
  })
})

describe('several models', () => {
  const come = async (host: Awaited<ReturnType<typeof openWindow>>['host']) => {
    const files = ['hot', 'loud'].map((id) => ({ id, name: `${id}.onnx`, bytes: 9, kind: 'model' as const }))
    host.emit('files.opened', { files })
    await settle()
    return vi.spyOn(host, 'invoke')
  }

  it('say which one was taken, and their scores can become one', async () => {
    const { host, text } = await openWindow({ project: project() }, at('data'))
    const invoke = await come(host)
    expect(text()).toContain('2 models, and a project has one: hot.onnx was taken')
    await press('Largest of all')
    const request = { project: 'digits', files: ['hot', 'loud'], by: 'max' }
    expect(invoke).toHaveBeenCalledWith('project.combine', request)
    expect(text()).not.toContain('hot.onnx was taken')
  })

  it('have weights in a sum', async () => {
    const { host, all } = await openWindow({ project: project() }, at('data'))
    const invoke = await come(host)
    await press('Weighted sum…')
    type(all('.notice input')[1] as HTMLInputElement, '0.25')
    await press('Sum of all')
    const request = { project: 'digits', files: ['hot', 'loud'], by: 'sum', weights: [1, 0.25] }
    expect(invoke).toHaveBeenCalledWith('project.combine', request)
  })
})

describe('the place', () => {
  it('is in the address, with the tab, and comes back from it', async () => {
    const { find } = await openWindow({ project: done() }, at('model', '&model=operators'))
    expect(find('[role=tab][aria-selected=true]').textContent).toBe('Operators')
    await press('Sensitivity')
    expect(location.hash).toContain('model=sensitivity')
    await press(/^Goal/)
    expect(location.hash).toContain('step=goal')
  })
})

describe('the steps', () => {
  it('model: figures at a glance, weight by layer, operators, and what a layer holds', async () => {
    const { text, find } = await openWindow({ project: done() }, at('model'))
    expect(text()).toContain('At a glance')
    expect(text()).toContain('The first size of “image” (batch) is left open')
    await press(/^\/fc1\/Gemm/)
    expect(text()).toMatch(/fc1/)
    await press('Operators')
    expect(find('table').textContent).toContain('Conv')
    await press('Sensitivity')
    await press('Measure the sensitivity')
    expect(text()).toContain('/fc1/Gemm')
  })

  it('data: what was recognised, previews, splits and how it is read', async () => {
    const { text, all } = await openWindow({ project: done() }, at('data'))
    expect(text()).toContain('1,797 images in 10 class folders')
    expect(all('img[alt*=png], img[alt*=svg], figure img, li img').length).toBeGreaterThan(0)
    expect(text()).toContain('97.78%')
  })

  it('data: its samples are there before the original is scored on it', async () => {
    const file = { id: 'data', name: 'digits', bytes: 9, kind: 'dataset' as const }
    const opened = { summary: loadedData().summary, samples: [sample(0), sample(1)] }
    const { text, find, all } = await openWindow(
      { project: project({ data: { state: 'loading', file, doing: 'Scoring: 9 of 360 samples', opened } }) },
      at('data'),
    )
    expect(find('h1').textContent).toBe('1,797 images in 10 class folders')
    expect(all('li img')).toHaveLength(2)
    expect(text()).toContain('Scoring: 9 of 360 samples')
  })

  it('goal: a search says its time on the button, a preset what it is thought to give', async () => {
    const { text } = await openWindow({ project: project() }, at('goal'))
    expect(button(/^Start compressing/).textContent).toContain('up to 10 min')
    await press('Presets')
    await settle()
    expect(text()).toMatch(/About 62\skB, 4× smaller, in about/)
    expect(document.querySelectorAll('.badge')).toHaveLength(1)
    expect(button(/^Start compressing/).textContent).toContain('Balanced')
  })

  it('goal: a limit is kept with its unit, and the rail says it', async () => {
    const { host, find } = await openWindow({ project: project() }, at('goal'))
    type(find<HTMLInputElement>('input[type=number][placeholder="no limit"]'), '40')
    await settle()
    expect(host.project!.goal).toMatchObject({ kind: 'search', maxBytes: 40_000 })
    expect(find('nav').textContent).toMatch(/a file of at most 40\skB/)
  })

  it('goal: passes are added, changed, moved, undone', async () => {
    const { host, text } = await openWindow({ project: project() }, at('goal', '&goal=recipe'))
    await press('Add a pass…')
    const field = document.querySelector<HTMLInputElement>('input[placeholder="Search passes"]')!
    await vi.waitFor(() => expect(document.activeElement).toBe(field))
    type(field, 'prune')
    await key('Enter', {}, field)
    expect(text()).toContain('Prune small weights')
    // Changes are sent once the hand rests.
    await vi.waitFor(() =>
      expect(host.project!.goal).toMatchObject({
        kind: 'recipe',
        recipe: { steps: [{ pass: 'prune-magnitude' }] },
      }),
    )
    await key('z', { ctrlKey: true })
    await vi.waitFor(() => expect(host.project!.goal).toMatchObject({ recipe: { steps: [] } }))
  })

  it('goal: a step that learns has one dial, and its other settings folded', async () => {
    const { all, find } = await openWindow({ project: project() }, at('goal', '&goal=recipe'))
    await press('Add a pass…')
    const field = document.querySelector<HTMLInputElement>('input[placeholder="Search passes"]')!
    type(field, 'fine')
    await key('Enter', {}, field)
    const labels = (within: string) => all(`${within} label`).map((one) => one.textContent!.trim())
    expect(labels('section.card details')).toEqual(['Epochs', 'Learning rate'])
    expect(labels('section.card')).toHaveLength(3)
    expect(labels('section.card')[0]).toBe('Effort')
    expect(find('section.card summary').textContent).toBe('Training settings (2)')
  })

  it('compress: the best found in the largest type, the way on, what was done', async () => {
    const { find, text } = await openWindow({ project: done() }, at('compress'))
    expect(find('.display').textContent).toMatch(/10\.9× smaller download, losing 0\.56\spoints/)
    expect(find('h1').textContent).toBe('Done in 3 min 34 s')
    expect(text()).toContain('Set 80% of the weights to zero')
    await press('Go on to compare')
    expect(find('[aria-current=step]').textContent).toContain('Compare')
  })

  it('compress: what may be chance is called so where it is largest, in the table and in the rail', async () => {
    const run = finishedRun()
    const unsure = { value: -0.0056, interval: [-0.02, 0.01] as [number, number] }
    const candidates = run.candidates.map((one) => ({
      ...one,
      report: { ...one.report, qualityChange: unsure },
    }))
    const { find, all } = await openWindow(
      { project: project({ goal: run.goal, runs: [{ ...run, candidates }] }) },
      at('compress'),
    )
    expect(find('.display').textContent).toMatch(/losing 0\.56\spoints \(within chance\)$/)
    expect(find('nav').textContent).toMatch(/losing 0\.56\spoints \(within chance\)/)
    const changes = all('[aria-label=Candidates] tbody tr, table tbody tr').map((row) => row.textContent!)
    expect(changes.filter((text) => /−0\.56\spoints \(within chance\)/.test(text))).toHaveLength(1)
  })

  it('compress: nothing fits, and it says what to relax and what that gives', async () => {
    const run = finishedRun()
    const goal = { kind: 'search' as const, maxDrop: 0, maxBytes: 60_000, target: 'any', minutes: 1 }
    const outside = run.candidates.map((one) => ({ ...one, insideLimit: false }))
    const { text, host } = await openWindow(
      { project: project({ goal, runs: [{ ...run, goal, candidates: outside }] }) },
      at('compress'),
    )
    expect(text()).toContain('Nothing fits all your limits')
    expect(text()).toMatch(/Allow 3\.4\spoints lost: 23\.4× smaller download, losing 3\.34\spoints/)
    await press('Allow it and search again')
    expect(host.project!.goal).toMatchObject({ maxDrop: 0, maxBytes: 126_000 })
  })

  it('compress: says at once that it stops', async () => {
    const running = { ...finishedRun(), status: 'running' as const, candidates: [] }
    const { host, find } = await openWindow({ project: project({ runs: [running] }) }, at('compress'))
    expect(find('h1').textContent).toBe('Compressing')
    const trial = {
      key: 'a',
      name: 'int8',
      state: 'kept' as const,
      reason: '',
      bytes: 9e4,
      downloadBytes: 8e4,
      pointsLost: 0.1,
    }
    host.emit('run.trial', {
      run: running.id,
      project: running.project,
      trial: { ...trial, at: new Date().toISOString() },
    })
    await settle()
    expect(find('[aria-label="Best so far"]').textContent).toMatch(/losing 0\.1\spoints.*found just now/s)
    expect(find('[aria-label="What was tried"]').textContent).toContain('int8')
    await press('Stop now, keep the best')
    expect(find('h1').textContent).toBe('Stopping, keeping the best')
  })

  it('compare: before and after, questions, layers, classes, samples', async () => {
    const { text, find, all } = await openWindow({ project: done() }, at('compare'))
    expect(find('h1').textContent, 'a figure stays with its word').toContain('10.9×\u00a0smaller')
    expect(all('.answers > li')).toHaveLength(3)
    await press('Layers')
    expect(text()).toContain('/conv1/Conv')
    await press('Classes')
    find('[aria-label="Confusion matrix of Original"]')
    await press('Samples')
    expect(text()).toContain('Changed answer')
    expect(location.hash).toContain('compare=samples')
  })

  it('export: a card for each target, and the code that loads what is written', async () => {
    const { text } = await openWindow({ project: done() }, at('export'))
    expect(text()).toContain('Save the bundle…')
  })
})

describe('hands', () => {
  it('menus say in words what is not here, never why a runtime failed', async () => {
    const { text } = await openWindow({ project: done() }, at('model'))
    button(/^Device/).dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, button: 0 }))
    await settle()
    expect(text()).toContain('WebGPU: not available here')
    expect(text()).not.toContain('no adapter was found')
  })

  it('the palette finds an action by its words and does it', async () => {
    const { find } = await openWindow({ project: done() }, at('model'))
    await key('k', { ctrlKey: true })
    const field = find<HTMLInputElement>('input[placeholder="What do you want to do?"]')
    type(field, 'go to export')
    await key('Enter', {}, field)
    await settle()
    expect(find('[aria-current=step]').textContent).toContain('Export')
  })

  it('settings, shortcuts and about are dialogs', async () => {
    const { text } = await openWindow()
    await key(',', { ctrlKey: true })
    expect(text()).toContain('Threads')
  })

  it('plug-ins are added and removed by keyboard; what each brings is listed, and tasks offer theirs', async () => {
    const { find, text, host } = await openWindow({ project: done() }, at('data'))
    await key('k', { ctrlKey: true })
    const palette = find<HTMLInputElement>('input[placeholder="What do you want to do?"]')
    type(palette, 'plug-ins')
    await key('Enter', {}, palette)
    expect(text()).toContain('None is loaded.')

    const place = find<HTMLInputElement>('[role=dialog] form input')
    type(place, 'mine.mjs')
    find<HTMLFormElement>('[role=dialog] form').requestSubmit()
    await settle()
    expect(find('[role=dialog] [role=alert]').textContent).toContain('it is not named by its whole path')
    expect(document.activeElement).toBe(place)
    type(place, '/plugins/mine.mjs')
    find<HTMLFormElement>('[role=dialog] form').requestSubmit()
    await settle()
    const listed = find('[aria-label=Plug-ins]').textContent!
    expect(listed).toMatch(
      /mine 1\.2\.0.*\/plugins\/mine\.mjs.*Passes.*Round weights to a step \(round-to-step\).*Tasks.*within-a-tenth/s,
    )
    expect(place.value).toBe('')

    await press('Close')
    find('[aria-label="Labels and outputs"] button').click()
    await settle()
    expect([...document.querySelectorAll('option')].map((option) => option.textContent)).toContain(
      'within-a-tenth',
    )

    host.plugins = [
      {
        ...host.plugins[0]!,
        brings: [],
        error: {
          code: 'plugin/failed',
          plugin: '/plugins/mine.mjs',
          reason: 'there is no such file or folder',
        },
      },
    ]
    host.emit('plugins.changed', {})
    await settle()
    await press(/^Pare/)
    expect(text()).toContain('Not in use: “mine”')
    await press('Plug-ins')
    expect(find('[aria-label=Plug-ins]').textContent).toContain('there is no such file or folder')
    await press('Remove mine')
    expect(text()).toContain('None is loaded.')
    expect(document.activeElement).toBe(find('[role=dialog] form input'))
  })
})

const graph = (more = '') => at('model', `&model=graph${more}`)
const rows = (all: (selector: string) => HTMLElement[]) =>
  all('[role=row], tbody tr').map((one) => one.textContent!.replace(/\s+/g, ' ').trim())

describe('the graph as a list', () => {
  it('has every operator under its group, and searching leaves what is called so', async () => {
    const { all, find, text } = await openWindow({ project: project(), nodes: 12 }, graph('&graph=list'))
    expect(text()).toContain('12 operators.')
    const before = rows(all)
    expect(before.length).toBeGreaterThan(3)
    type(find<HTMLInputElement>('input[type=search]'), 'conv')
    await settle()
    const after = rows(all)
    expect(after.length).toBeLessThan(before.length)
    expect(after.slice(1).every((row) => /conv/i.test(row))).toBe(true)
    type(find<HTMLInputElement>('input[type=search]'), 'nothing is called so')
    await settle()
    expect(rows(all).filter((row) => /conv/i.test(row))).toEqual([])
  })
})

/** Lays out as the worker does, in this thread: happy-dom has none. */
class WorkerHere {
  onmessage?: (event: { data: LaidOut }) => void
  onerror?: (event: { message: string }) => void
  postMessage(input: LayoutInput): void {
    queueMicrotask(() => this.onmessage?.({ data: lay(input) }))
  }
  terminate(): void {
    this.onmessage = undefined
  }
}

describe('the graph as a drawing', () => {
  beforeEach(() => vi.stubGlobal('Worker', WorkerHere))
  afterEach(() => vi.unstubAllGlobals())

  it('finds from the keyboard, and shows what a node holds until it is closed', async () => {
    const { all, find, text } = await openWindow({ project: project(), nodes: 12 }, graph())
    await vi.waitFor(() => find('[role=application]'))
    expect(text()).toContain('12 nodes drawn.')
    await key('/', {}, find('[role=application]'))
    const field = find<HTMLInputElement>('input[placeholder="Search operators and names"]')
    expect(document.activeElement).toBe(field)
    type(field, 'conv')
    await key('Enter', {}, field)
    await vi.waitFor(() => expect(text()).toContain('Attributes'))
    expect(location.hash).toContain('node=')
    await press(/^Close/)
    expect(text()).not.toContain('Attributes')
    find<HTMLInputElement>('input[type=radio][value=list], fieldset label:last-child input').click()
    await settle()
    expect(all('[role=application]')).toHaveLength(0)
    expect(location.hash).toContain('graph=list')
  })
})
