import { expect, it, vi } from 'vitest'
import type { App } from '../../../src/renderer/state/app.svelte'
import { RecipeEditor } from '../../../src/renderer/state/editor.svelte'
import { FakeHost } from '../fake/host'
import { project } from '../fake/fixtures'

function editorOn(host = new FakeHost({ project: project() })) {
  const ask = vi.fn((method: never, input: never) => host.invoke(method, input))
  const app = { ask, show: (next: ReturnType<typeof project>) => editor.load(next) } as unknown as App
  const editor = new RecipeEditor(app)
  editor.load(host.project!)
  return { editor, host, ask }
}

const ids = (editor: RecipeEditor): string[] => editor.recipe.steps.map(({ pass }) => pass)

it('adds, moves, removes, and goes back over all of it', async () => {
  const { editor } = editorOn()
  void editor.add('simplify')
  void editor.add('float16')
  void editor.move(1, -1)
  void editor.remove(1)
  expect(ids(editor)).toEqual(['float16'])
  void editor.undo()
  expect(ids(editor)).toEqual(['float16', 'simplify'])
  void editor.undo()
  expect(ids(editor)).toEqual(['simplify', 'float16'])
  void editor.redo()
  expect(ids(editor)).toEqual(['float16', 'simplify'])
  void editor.add('finetune')
  expect(editor.canRedo).toBe(false)
  for (let step = 0; step < 9; step++) void editor.undo()
  expect(ids(editor)).toEqual([])
  expect(editor.canUndo).toBe(false)
})

it('takes typing into one field as one change, and goes back to the default', () => {
  const { editor } = editorOn()
  void editor.add('prune-magnitude')
  for (const value of [0.5, 0.55, 0.6]) void editor.setParameter(0, 'sparsity', value)
  expect(editor.recipe.steps[0]?.params).toEqual({ sparsity: 0.6 })
  void editor.setParameter(0, 'sparsity', undefined)
  expect(editor.recipe.steps[0]?.params).toEqual({})
  void editor.undo()
  expect(editor.recipe.steps[0]?.params).toEqual({ sparsity: 0.6 })
  void editor.undo()
  expect(editor.recipe.steps[0]?.params).toEqual({})
  void editor.undo()
  expect(ids(editor)).toEqual([])
})

it('saves the last of several quick changes as the goal, once, and asks what stands in its way', async () => {
  const { editor, host, ask } = editorOn()
  void editor.add('quantize-static')
  await editor.setParameter(0, 'samples', 4000)
  expect(ask.mock.calls.filter(([method]) => method === ('project.setGoal' as never))).toHaveLength(1)
  expect(host.project?.goal).toMatchObject({
    kind: 'recipe',
    recipe: { steps: [{ params: { samples: 4000 } }] },
  })
  expect(editor.problems).toEqual([{ step: 0, message: expect.stringContaining('180') }])
})

it('starts anew with another project', () => {
  const { editor } = editorOn()
  void editor.add('simplify')
  editor.load(project({ id: 'other' }))
  expect(ids(editor)).toEqual([])
  expect(editor.canUndo).toBe(false)
})
