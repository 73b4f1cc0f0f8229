import { afterEach, expect, it, vi } from 'vitest'
import type { App } from '../../../src/renderer/state/app.svelte'
import { RecipeEditor } from '../../../src/renderer/state/editor.svelte'
import { FakeHost } from '../fake/host'
import { project } from '../fake/fixtures'

function editorOn(host = new FakeHost({ project: project() })) {
  const ask = vi.fn((method: never, input: never) => host.invoke(method, input))
  const app = {
    ask,
    goalTarget: 'ios',
    show: (next: ReturnType<typeof project>) => editor.load(next),
  } as unknown as App
  const editor = new RecipeEditor(app)
  editor.load(host.project!)
  return { editor, host, ask }
}

/** Saves that begin here and end by themselves; none may fail. */
const saves: Promise<void>[] = []
const saved = (save: Promise<void>): void => void saves.push(save)

afterEach(async () => {
  await Promise.all(saves.splice(0))
})

const ids = (editor: RecipeEditor): string[] => editor.recipe.steps.map(({ pass }) => pass)

it('adds, moves, removes, and goes back over all of it', async () => {
  const { editor } = editorOn()
  saved(editor.add('simplify'))
  saved(editor.add('float16'))
  saved(editor.move(1, -1))
  saved(editor.remove(1))
  expect(ids(editor)).toEqual(['float16'])
  saved(editor.undo())
  expect(ids(editor)).toEqual(['float16', 'simplify'])
  saved(editor.undo())
  expect(ids(editor)).toEqual(['simplify', 'float16'])
  saved(editor.redo())
  expect(ids(editor)).toEqual(['float16', 'simplify'])
  saved(editor.add('finetune'))
  expect(editor.canRedo).toBe(false)
  for (let step = 0; step < 9; step++) saved(editor.undo())
  expect(ids(editor)).toEqual([])
  expect(editor.canUndo).toBe(false)
})

it('takes typing into one field as one change, and goes back to the default', () => {
  const { editor } = editorOn()
  saved(editor.add('prune-magnitude'))
  for (const value of [0.5, 0.55, 0.6]) saved(editor.setParameter(0, 'sparsity', value))
  expect(editor.recipe.steps[0]?.params).toEqual({ sparsity: 0.6 })
  saved(editor.setParameter(0, 'sparsity', undefined))
  expect(editor.recipe.steps[0]?.params).toEqual({})
  saved(editor.undo())
  expect(editor.recipe.steps[0]?.params).toEqual({ sparsity: 0.6 })
  saved(editor.undo())
  expect(editor.recipe.steps[0]?.params).toEqual({})
  saved(editor.undo())
  expect(ids(editor)).toEqual([])
})

it('saves the last of several quick changes as the goal, once, and asks what stands in its way', async () => {
  const { editor, host, ask } = editorOn()
  saved(editor.add('quantize-static'))
  await editor.setParameter(0, 'samples', 4000)
  expect(ask.mock.calls.filter(([method]) => method === ('project.setGoal' as never))).toHaveLength(1)
  expect(host.project?.goal).toMatchObject({
    kind: 'recipe',
    target: 'ios',
    recipe: { steps: [{ params: { samples: 4000 } }] },
  })
  expect(editor.problems).toEqual([{ step: 0, message: expect.stringContaining('180') }])
})

it('starts anew with another project', () => {
  const { editor } = editorOn()
  saved(editor.add('simplify'))
  editor.load(project({ id: 'other' }))
  expect(ids(editor)).toEqual([])
  expect(editor.canUndo).toBe(false)
})

it('is settled once the last change is the goal of the project', async () => {
  const { editor, host } = editorOn()
  saved(editor.add('simplify'))
  saved(editor.add('float16'))
  const goal = (): unknown => host.project!.goal
  await editor.settled()
  expect(goal()).toMatchObject({ recipe: { steps: [{ pass: 'simplify' }, { pass: 'float16' }] } })
})
