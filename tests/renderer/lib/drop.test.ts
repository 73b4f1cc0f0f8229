import { expect, it, vi } from 'vitest'
import { droppedFiles } from '../../../src/renderer/lib/drop'

/** Entries as a browser gives them: folders in portions of at most a hundred. */
type Tree = string | { name: string; children: Tree[] }

const entry = (tree: Tree): FileSystemEntry =>
  typeof tree === 'string'
    ? ({ isFile: true, name: tree, file: (give: (file: unknown) => void) => give({ of: tree }) } as never)
    : ({
        isFile: false,
        name: tree.name,
        createReader() {
          const rest = tree.children.map(entry)
          return { readEntries: (give: (some: FileSystemEntry[]) => void) => give(rest.splice(0, 100)) }
        },
      } as never)

const transfer = (trees: Tree[]): DataTransfer => {
  let over = false
  setTimeout(() => (over = true))
  return {
    files: trees.map((tree) => ({ name: typeof tree === 'string' ? tree : tree.name })),
    items: trees.map((tree) => ({
      webkitGetAsEntry: () => (over ? null : entry(tree)),
      getAsFile: () => (over ? null : { name: 'plain' }),
    })),
  } as never
}

const paths = async (trees: Tree[], deep = true): Promise<string[]> =>
  (await droppedFiles(transfer(trees), deep)).map(({ relativePath }) => relativePath)

it('walks folders whole, however many files one holds', async () => {
  const many = Array.from({ length: 250 }, (_, i) => `${i}.png`)
  const found = await paths([
    { name: 'digits', children: [{ name: '0', children: many }, 'labels.csv'] },
    'm.onnx',
  ])
  expect(found).toEqual([...many.map((name) => `digits/0/${name}`), 'digits/labels.csv', 'm.onnx'])
})

it('an empty folder is there, with nothing in it', async () => {
  const found = await droppedFiles(
    transfer([{ name: 'a', children: [{ name: 'none', children: [] }] }]),
    true,
  )
  expect(found).toEqual([{ file: undefined, relativePath: 'a/none/' }])
})

it('where the shell takes folders by their path nothing is walked', async () => {
  expect(await paths([{ name: 'digits', children: ['a'] }, 'm.onnx'], false)).toEqual(['digits', 'm.onnx'])
})

it('what has no entry is taken as the file it is, and what is neither is left', async () => {
  const items = [
    { webkitGetAsEntry: () => null, getAsFile: () => ({ name: 'loose.onnx' }) },
    { webkitGetAsEntry: () => null, getAsFile: () => null },
  ]
  const found = await droppedFiles({ items, files: [] } as never, true)
  expect(found.map(({ relativePath }) => relativePath)).toEqual(['loose.onnx'])
})

it('a file that cannot be read fails the drop', async () => {
  const broken = {
    isFile: true,
    name: 'a',
    file: (_: unknown, fail: (cause: Error) => void) => fail(new Error('gone')),
  }
  const items = [{ webkitGetAsEntry: () => broken, getAsFile: vi.fn() }]
  await expect(droppedFiles({ items, files: [] } as never, true)).rejects.toThrow('gone')
})
