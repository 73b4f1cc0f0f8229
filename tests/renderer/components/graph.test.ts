/** The graph as a drawing and as a list, on a host in memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { lay } from '../../../src/renderer/graph/layered'
import type { LaidOut, LayoutInput } from '../../../src/renderer/graph/layout'
import { project } from '../fake/fixtures'
import { key, openWindow, press, settle, type } from './render'

const at = (more = '') => `project=${project().id}&step=model&model=graph${more}`
const rows = (all: (selector: string) => HTMLElement[]) =>
  all('[role=row], tbody tr').map((one) => one.textContent!.replace(/\s+/g, ' ').trim())

describe('the list', () => {
  it('has every operator under its group, and searching leaves what is called so', async () => {
    const { all, find, text } = await openWindow({ project: project(), nodes: 12 }, at('&graph=list'))
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

describe('the drawing', () => {
  beforeEach(() => vi.stubGlobal('Worker', WorkerHere))
  afterEach(() => vi.unstubAllGlobals())

  it('finds from the keyboard, and shows what a node holds until it is closed', async () => {
    const { all, find, text } = await openWindow({ project: project(), nodes: 12 }, at())
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
