/** What lies beside a model or its data of how it is read, in the window. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { PareError } from '../../src/contract/errors'
import type { Core } from '../../src/service/core'
import { FileStore } from '../../src/service/files'
import { Loader } from '../../src/service/loading'
import type { ProjectRecord } from '../../src/service/records'

const SPEC = { label: 'force', preprocessing: { scale: 2 } } as const

/** A project whose data is opened by `open`; gives what the engine was asked with, and the project. */
async function opened(
  spec: 'model' | 'data',
  open: (data: Record<string, unknown>) => void = () => undefined,
  said: Partial<ProjectRecord['data']> = {},
) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-loading-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, file, text] of [
    ['model', 'm.onnx', ''],
    ['data', 'table.csv', 'a,force\n1,2\n'],
    [spec, 'data-spec.json', JSON.stringify(SPEC)],
  ] as const) {
    fs.mkdirSync(path.join(folder, name), { recursive: true })
    fs.writeFileSync(path.join(folder, name, file), text)
  }
  const files = new FileStore(path.join(folder, 'files'), () => undefined)
  const record = {
    id: 'p',
    model: { file: files.adopt(path.join(folder, 'model/m.onnx')).id, value: {} },
    data: { file: files.adopt(path.join(folder, 'data')).id, ...said },
  } as ProjectRecord
  const asked: Record<string, unknown>[] = []
  const loaded = { looksLikeChance: false }
  const seen = { summary: { description: '2 rows' }, samples: [] }
  const shown: unknown[] = []
  const run = async (
    job: string,
    { data }: { data: Record<string, unknown> },
    { onEvent }: { onEvent(event: unknown): void },
  ) => {
    if (job !== 'openData') return []
    asked.push(data)
    open(data)
    shown.push(loader.opened('p'))
    onEvent({ event: 'opened', data: seen })
    shown.push(loader.opened('p'))
    return loaded
  }
  const store = {
    has: () => true,
    get: () => record,
    update: (_: string, change: (one: ProjectRecord) => void) => change(record),
  }
  const settings = { get: () => ({ provider: 'cpu', threads: 1 }) }
  const core = { files, store, settings, interactive: { run }, work: { run }, emit: () => undefined }
  const loader = new Loader(core as unknown as Core)
  loader.catchUp(record)
  await expect.poll(() => record.data?.value ?? record.data?.error).toBeTruthy()
  await expect.poll(() => loader.doing('p', 'data')).toBeUndefined()
  expect(loader.opened('p')).toBeUndefined()
  return { asked, record, shown, seen }
}

test.each(['model', 'data'] as const)(
  'a data spec beside the %s says how data is read, and it is told',
  async (at) => {
    const { asked, record } = await opened(at)
    expect(asked).toMatchObject([SPEC])
    expect(record.data).toMatchObject({
      spec: { ...SPEC, notes: [`The data is read as “data-spec.json” in “${at}” says.`] },
    })
  },
)

test('one that is for other data is left alone', async () => {
  const { asked, record } = await opened('model', (data) => {
    if (data.label) throw new PareError('data/spec', { reason: 'it is for pictures' })
  })
  expect(asked).toHaveLength(2)
  expect(record.data).toMatchObject({ value: {} })
  expect(record.data!.spec).toBeUndefined()
})

test('data can be seen once it is open, and is the result once it is scored', async () => {
  const { shown, seen } = await opened('data')
  expect(shown).toEqual([undefined, seen])
})

test('what is set by hand goes before it', async () => {
  const { asked } = await opened('data', undefined, { classes: ['by', 'hand'] })
  expect(asked).toMatchObject([{ classes: ['by', 'hand'] }])
  expect(asked[0]).not.toHaveProperty('label')
})
