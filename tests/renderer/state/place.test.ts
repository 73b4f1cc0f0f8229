import { beforeEach, describe, expect, it, vi } from 'vitest'
import { App } from '../../../src/renderer/state/app.svelte'
import { comeBack, keepPlace } from '../../../src/renderer/state/arriving'
import { isMove, placeText, readPlace } from '../../../src/renderer/state/place'
import { project } from '../fake/fixtures'
import { FakeHost } from '../fake/host'

describe('a place', () => {
  it('is read back as it was written', () => {
    const place = {
      project: 'p1',
      step: 'compare' as const,
      chosen: ['r1-0', 'r1-2'],
      shown: { compare: 'samples', node: '/a b/&c=d' },
    }
    expect(readPlace(`#${placeText(place)}`)).toEqual(place)
  })

  it('is home without a project, whatever else an address says', () => {
    expect(placeText({ step: 'goal', chosen: [], shown: {} })).toBe('')
    expect(readPlace('#step=goal')).toEqual({ chosen: [], shown: {} })
  })

  it('leaves out what it does not understand', () => {
    const place = readPlace(`#project=p1&step=nowhere&chosen=a,b,c,d&note=${'x'.repeat(5000)}`)
    expect(place).toEqual({ project: 'p1', chosen: ['a', 'b', 'c'], shown: {} })
  })

  it('is moved from by project and step, not by what a step shows', () => {
    const here = readPlace('#project=p&step=goal')
    expect(isMove(here, readPlace('#project=p&step=goal&goal=recipe'))).toBe(false)
    expect(isMove(here, readPlace('#project=p&step=data'))).toBe(true)
    expect(isMove(here, readPlace(''))).toBe(true)
  })
})

describe('a window', () => {
  beforeEach(() => vi.stubGlobal('requestAnimationFrame', () => 0))

  async function at(address: string, host = new FakeHost({ project: project() })): Promise<App> {
    host.address = address
    const app = new App(host)
    await app.start(() => comeBack(app))
    return app
  }

  it('begins where the last one was', async () => {
    const { id } = project()
    const app = await at(`project=${id}&step=export&model=graph`)
    expect(app.step).toBe('export')
    expect(app.showing('model', ['layers', 'graph'])).toBe('graph')
  })

  it('begins at home where the project is gone, or something must be told there', async () => {
    expect((await at('project=gone&step=export')).project).toBeUndefined()
    const host = new FakeHost({ project: project() })
    host.notices = [{ id: 'n', at: '', error: { code: 'cancelled', during: 'a test' } }]
    expect((await at(`project=${project().id}&step=goal`, host)).project).toBeUndefined()
  })

  it('shows what was handed in while it was starting, wherever the last one was', async () => {
    for (const address of ['', 'project=another&step=export']) {
      const host = new FakeHost({ project: project() })
      host.address = address
      const app = new App(host)
      const started = app.start(() => comeBack(app))
      await app.open(project().id)
      await started
      expect(app.project?.id, address).toBe(project().id)
    }
  })

  it('keeps its place for the next', async () => {
    const host = new FakeHost({ project: project() })
    const app = await at('', host)
    await app.open(project().id)
    app.go('data')
    app.shown.data = 'training'
    keepPlace(app)
    expect(readPlace(host.address)).toMatchObject({ step: 'data', shown: { data: 'training' } })
  })
})
