/** Plug-ins of the window's settings, in real engine processes. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createService, forkEngine, type Service } from '../../src/service'
import { bundled } from '../bundled'

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-plugins-'))
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  const file = path.join(work, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
  return file
}
const task = (id: string): string =>
  `import { defineTask } from 'pare'
export const tasks = [defineTask({ id: '${id}', metric: 'm', score: () => 1 })]`

const start = async (): Promise<Service> => {
  const worker = await bundled('worker')
  return createService({
    dataDir: path.join(work, 'data'),
    resourcesDir: path.resolve(import.meta.dirname, '../../resources'),
    engine: (limits) => forkEngine(worker, limits),
    shell: 'browser',
  })
}

test('they are kept, loaded by every engine, and one that breaks stops nothing but itself', async () => {
  const folder = path.dirname(write('mine/index.mjs', task('mine')))
  write('mine/package.json', JSON.stringify({ name: '@me/mine', version: '1.2.0', private: true }))
  const other = write('other.mjs', task('other'))
  const service = await start()
  const heard: string[] = []
  service.onAny((event) => heard.push(event))
  const add = (place: string) => service.invoke('plugins.add', { place })
  const tasks = async (from = service): Promise<string[]> =>
    (await from.invoke('tasks.list', undefined)).map(({ id }) => id)
  try {
    expect(await service.invoke('plugins.list', undefined)).toEqual([])
    expect(await tasks()).not.toContain('mine')
    expect(await add(folder)).toEqual([
      {
        place: folder,
        name: '@me/mine',
        version: '1.2.0',
        brings: [{ kind: 'task', id: 'mine', title: 'mine' }],
      },
    ])
    expect(heard).toContain('plugins.changed')
    expect(await tasks()).toContain('mine')
    expect(await add(folder)).toHaveLength(1)

    for (const [place, reason] of [
      ['mine.mjs', /whole path/],
      [path.join(work, 'gone.mjs'), /no such file/],
      [write('ends.mjs', 'process.exit(3)'), /the engine ended while it was loaded/],
    ] as const)
      await expect(add(place)).rejects.toMatchObject({
        data: { code: 'plugin/failed', plugin: place, reason: expect.stringMatching(reason) as string },
      })
    await expect(service.invoke('settings.set', { plugins: [other] } as never)).rejects.toMatchObject({
      code: 'bad-request',
    })
    expect(await add(other)).toHaveLength(2)
  } finally {
    service.close()
  }

  fs.rmSync(folder, { recursive: true })
  const again = await start()
  try {
    const [gone, kept] = await again.invoke('plugins.list', undefined)
    expect(gone).toMatchObject({ place: folder, brings: [], error: { code: 'plugin/failed' } })
    expect(kept).toMatchObject({ name: 'other.mjs', brings: [{ id: 'other' }] })
    expect(await tasks(again)).toContain('other')
    expect(await again.invoke('plugins.remove', { place: folder })).toHaveLength(1)
    expect(await again.invoke('plugins.add', {})).toBeNull()

    // One that was fine when it was added and now ends every engine can still be removed.
    fs.writeFileSync(other, 'process.exit(3)')
    await again.invoke('settings.set', { memory: 2048 })
    await expect(tasks(again)).rejects.toMatchObject({ code: 'engine/crashed' })
    expect(await again.invoke('plugins.list', undefined)).toMatchObject([
      { place: other, error: { code: 'engine/crashed' } },
    ])
    expect(await again.invoke('plugins.remove', { place: other })).toEqual([])
  } finally {
    again.close()
  }
}, 180_000)
