/** A data folder of the app as a person leaves it: a project with its run, candidate and export queue. */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createService, forkEngine, type Service } from '../../src/service'

export const openApp = (dataDir: string, built: string): Service =>
  createService({
    dataDir,
    resourcesDir: path.resolve('resources'),
    engine: () => forkEngine(path.join(built, 'worker.js')),
    shell: 'browser',
  })

/** Opens the smallest sample and compresses it; throws where that does not work. */
export async function makeAppState(dataDir: string, built: string): Promise<void> {
  const service = openApp(dataDir, built)
  try {
    await service.invoke('settings.set', { theme: 'dark' })
    const { id } = await service.invoke('samples.open', { sample: 'bearing' })
    for (;;) {
      const { model, data } = await service.invoke('projects.get', { project: id })
      if (model.state === 'failed' || data.state === 'failed') throw new Error('the sample cannot be opened')
      if (model.state === 'ready' && data.state === 'ready') break
      await wait(100)
    }
    const goal = { kind: 'preset', preset: 'safe' } as const
    const run = await service.invoke('runs.start', { project: id, goal })
    for (;;) {
      const { status } = await service.invoke('runs.get', { run: run.id })
      if (status === 'done') break
      if (status !== 'running' && status !== 'queued') throw new Error(`the run is ${status}`)
      await wait(100)
    }
  } finally {
    service.close()
  }
}

/** JSON files of a data folder, relative to it. */
export function jsonFiles(dataDir: string): string[] {
  const names = fs.readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.json')).sort()
}
