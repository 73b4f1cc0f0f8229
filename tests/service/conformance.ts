/** What every way to the service must do: called directly, and over the wire of the browser shell. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventName, Events, MethodInput, MethodName, MethodOutput } from '../../src/contract/app'
import type { FileRef, Project, Run } from '../../src/contract/project'
import { describeTargets } from '../../src/engine/targets'

export interface Client {
  invoke<M extends MethodName>(name: M, input: MethodInput<M>): Promise<MethodOutput<M>>
  onAny(listener: <E extends EventName>(event: E, data: Events[E]) => void): void
  /** Hands over a file or folder the way a person would. */
  hand(file: string): Promise<FileRef>
  /** Kills the process that does the work, from outside. */
  killEngine(): void
  /** Ends everything; with `again` the data stays and a new one starts on it. */
  close(): Promise<void>
}

type Start = (dataDir: string) => Promise<Client>

const resources = path.resolve(import.meta.dirname, '../../resources/samples')
export const bearing = path.join(resources, 'bearing')
export const digits = path.join(resources, 'digits')

const SMALL = {
  kind: 'recipe' as const,
  recipe: { pare: 1 as const, name: 'Tidy', description: '', steps: [{ pass: 'simplify', params: {} }] },
}
const QUANTIZED = {
  kind: 'recipe' as const,
  target: 'pc-no-vnni',
  recipe: {
    pare: 1 as const,
    name: 'Dynamic',
    description: '',
    steps: [
      { pass: 'simplify', params: {} },
      { pass: 'quantize-dynamic', params: {} },
    ],
  },
}

export function conforms(name: string, start: Start): void {
  describe(name, () => {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-service-'))
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-files-'))
    let client: Client
    const events: [EventName, unknown][] = []

    const begin = async (): Promise<void> => {
      client = await start(dataDir)
      client.onAny((event, data) => events.push([event, data]))
    }
    beforeAll(begin)
    afterAll(async () => {
      await client.close()
      for (const folder of [dataDir, scratch]) fs.rmSync(folder, { recursive: true, force: true })
    })

    async function until<T>(look: () => Promise<T>, ready: (value: T) => boolean): Promise<T> {
      for (;;) {
        const value = await look()
        if (ready(value)) return value
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const settled = (project: string): Promise<Project> =>
      until(
        () => client.invoke('projects.get', { project }),
        ({ model, data }) =>
          model.state !== 'loading' && (data.state !== 'loading' || model.state === 'failed'),
      )
    const ended = (run: string): Promise<Run> =>
      until(
        () => client.invoke('runs.get', { run }),
        ({ status }) => status !== 'queued' && status !== 'running',
      )
    const write = (file: string, content: string | Uint8Array): string => {
      const full = path.join(scratch, file)
      fs.mkdirSync(path.dirname(full), { recursive: true })
      fs.writeFileSync(full, content)
      return full
    }
    async function project(...files: string[]): Promise<Project> {
      const { id } = await client.invoke('projects.create', {})
      const refs: FileRef[] = []
      for (const file of files) refs.push(await client.hand(file))
      await client.invoke('project.take', { project: id, files: refs.map((ref) => ref.id) })
      return settled(id)
    }

    test('from the sample to a bundle', async () => {
      const samples = await client.invoke('samples.list', undefined)
      expect(samples.map(({ id }) => id)).toContain('bearing')
      const { id } = await client.invoke('samples.open', { sample: 'bearing' })
      const opened = await settled(id)
      expect(opened.model).toMatchObject({
        state: 'ready',
        value: { path: 'cnn1d.onnx', parameters: 101_286 },
      })
      expect(opened.data).toMatchObject({ state: 'ready', value: { looksLikeChance: false } })
      if (opened.data.state !== 'ready') throw new Error('no data')
      expect(opened.data.value.baseline.value).toBeGreaterThan(0.9)

      const check = await client.invoke('recipes.check', { project: id, recipe: QUANTIZED.recipe })
      expect(check).toEqual({ ok: true, problems: [] })
      const { seconds } = await client.invoke('recipes.expect', { project: id, recipe: QUANTIZED.recipe })
      // Loading, a step and measuring take seconds; this network learns nothing here.
      expect(seconds).toBeGreaterThan(5)
      expect(seconds).toBeLessThan(600)
      expect(await client.invoke('targets.list', undefined)).toEqual(describeTargets())
      const started = await client.invoke('runs.start', { project: id, goal: QUANTIZED })
      const run = await ended(started.id)
      expect(run).toMatchObject({ status: 'done', progress: { done: 1 } })
      expect(run.steps.map(({ state }) => state)).toEqual(['done', 'done'])
      const [candidate] = run.candidates
      expect(candidate!.report.bytes).toBeLessThan(run.original!.bytes / 3)
      expect(candidate!.verdict).toMatch(/^3\.\d+× smaller file, /)
      expect(candidate!.onFront).toBe(true)
      expect(candidate!.report.targetLatency).toMatchObject({ target: 'pc-no-vnni' })
      expect(candidate!.report.path).toBe('model.onnx')

      const plan = await client.invoke('export.plan', {
        project: id,
        candidate: candidate!.id,
        target: 'any',
      })
      expect(plan.entries.map((entry) => entry.name)).toContain('model.onnx')
      const input = { project: id, candidate: candidate!.id, target: 'any' as const, form: 'zip' as const }
      const written = await client.invoke('export.write', input)
      expect(written!.record.bytes).toBeGreaterThan(plan.downloadBytes)
      await expect(client.invoke('export.write', input)).rejects.toMatchObject({ code: 'export/exists' })
      expect((await client.invoke('projects.get', { project: id })).exports).toHaveLength(1)
      const report = await client.invoke('compare.report', { project: id, candidates: [candidate!.id] })
      expect(report.html).toContain('<!doctype html>')
      const candidates = [candidate!.id]
      const rows = await client.invoke('compare.samples', {
        project: id,
        candidates,
        filter: 'all',
        offset: 0,
        limit: 5,
      })
      expect(rows.rows).toHaveLength(5)
      expect(rows.total).toBe(candidate!.report.quality.samples)
      const { index } = rows.rows[4]!
      const detail = await client.invoke('compare.sample', { project: id, candidates, index })
      expect(detail.row).toEqual(rows.rows[4])
      expect(detail.outputs).toHaveLength(2)
      const previews = await client.invoke('compare.previews', {
        project: id,
        candidate: candidate!.id,
        samples: [index, 2 ** 30],
      })
      expect(previews.map((preview) => preview.index)).toEqual([index])
      const diff = await client.invoke('model.diff', { project: id, candidate: candidate!.id })
      expect(diff.counts.added + diff.counts.changed).toBeGreaterThan(0)
      const costs = await client.invoke('model.costs', { project: id, candidate: candidate!.id })
      const [node] = diff.nodes.filter(({ state }) => state === 'changed')
      expect(costs[node!.id]?.shape?.length).toBeGreaterThan(0)
      const sides = await client.invoke('model.node', {
        project: id,
        candidate: candidate!.id,
        node: node!.id,
      })
      expect(sides.original!.inputs.length).toBeGreaterThan(0)
      expect(sides.candidate!.op).toBe(node!.op)
      const heavy =
        opened.model.state === 'ready'
          ? opened.model.value.layers.toSorted((a, b) => b.bytes - a.bytes)[0]!
          : undefined
      const histogram = await client.invoke('model.histogram', { project: id, layer: heavy!.layer })
      expect(histogram.before.reduce((sum, bin) => sum + bin, 0)).toBeGreaterThan(1000)
      const times = await client.invoke('compare.operators', { project: id, candidate: candidate!.id })
      expect(times.some(({ original, candidate: after }) => original! > 0 && after! > 0)).toBe(true)
      const page = await client.invoke('data.samples', {
        project: id,
        split: 'validation',
        offset: 0,
        limit: 3,
      })
      expect(page.samples).toHaveLength(3)
      expect(events.some(([event]) => event === 'run.progress')).toBe(true)
      expect(
        events.some(([event, data]) => event === 'run.ended' && (data as { run: string }).run === run.id),
      ).toBe(true)
      const [summary] = await client.invoke('projects.list', undefined)
      expect(summary).toMatchObject({ id, model: 'cnn1d.onnx' })
      expect(summary!.result).toContain('× smaller')
    })

    test('no path of this machine reaches the window', async () => {
      const projects = await client.invoke('projects.list', undefined)
      const text = JSON.stringify(await client.invoke('projects.get', { project: projects[0]!.id }))
      expect(text).not.toContain(resources)
      expect(text.replaceAll(/"where":"[^"]*"/g, '')).not.toContain(dataDir)
    })

    test('model and data dropped together are told apart', async () => {
      const {
        model,
        data,
        name: called,
      } = await project(path.join(bearing, 'data'), path.join(bearing, 'cnn1d.onnx'))
      expect([model.state, data.state]).toEqual(['ready', 'ready'])
      expect(called).toBe('cnn1d')
    })

    test('a truncated model gives its sentence, and another one can be taken', async () => {
      const whole = fs.readFileSync(path.join(bearing, 'cnn1d.onnx'))
      const { id, model } = await project(write('cut.onnx', whole.subarray(0, 200_000)))
      expect(model).toMatchObject({ state: 'failed', error: { code: 'model/truncated' } })
      const good = await client.hand(path.join(bearing, 'cnn1d.onnx'))
      await client.invoke('project.take', { project: id, files: [good.id] })
      expect((await settled(id)).model.state).toBe('ready')
    })

    test('a text file that calls itself a model gives its sentence', async () => {
      const { model } = await project(write('notes.onnx', 'Dear diary,\nthis is no model.\n'))
      expect(model).toMatchObject({ state: 'failed', error: { code: 'model/not-onnx' } })
    })

    test('data of the wrong shape gives its sentence and the model stays', async () => {
      const { model, data } = await project(path.join(bearing, 'cnn1d.onnx'), path.join(digits, 'data'))
      expect(model.state).toBe('ready')
      expect(data).toMatchObject({ state: 'failed' })
      if (data.state === 'failed') expect(data.error.code).toMatch(/^data\//)
    })

    test('a zip of class folders is data', async () => {
      const archive: Record<string, Uint8Array> = {}
      const validation = path.join(digits, 'data', 'validation')
      for (const file of fs.readdirSync(validation, { recursive: true, encoding: 'utf8' }))
        if (file.endsWith('.png'))
          archive[file.split(path.sep).join('/')] = fs.readFileSync(path.join(validation, file))
      const zip = write('digits.zip', zipSync(archive, { level: 0 }))
      const { data } = await project(zip, path.join(digits, 'lenet5.onnx'))
      expect(data).toMatchObject({ state: 'ready', value: { summary: { kind: 'images' } } })
      if (data.state === 'ready') {
        expect(data.value.summary.samples).toBe(Object.keys(archive).length)
        expect(data.value.baseline.value).toBeGreaterThan(0.9)
      }
    })

    test('data that was read the wrong way is found out, and the right way is offered', async () => {
      const { id, data } = await project(path.join(digits, 'lenet5.onnx'), path.join(digits, 'data'))
      if (data.state !== 'ready' || data.value.summary.preprocessing.kind !== 'image')
        throw new Error('no images')
      const wrong = { ...data.value.summary.preprocessing, scale: -1, mean: [300], std: [0.01] }
      await client.invoke('data.setPreprocessing', { project: id, preprocessing: wrong })
      const found = await until(
        () => client.invoke('projects.get', { project: id }),
        (project) => project.data.state === 'ready' && project.data.value.trials !== undefined,
      )
      if (found.data.state !== 'ready') throw new Error('no data')
      expect(found.data.value.looksLikeChance).toBe(true)
      const [best] = found.data.value.trials!
      expect(best!.score).toBeGreaterThan(0.9)
      const { preprocessing, classes } = best!
      await client.invoke('data.setPreprocessing', {
        project: id,
        preprocessing,
        ...(classes && { classes }),
      })
      const { data: right } = await settled(id)
      expect(right).toMatchObject({ state: 'ready', value: { looksLikeChance: false } })
    })

    test('an empty folder gives its sentence', async () => {
      const empty = path.join(scratch, 'empty')
      fs.mkdirSync(empty, { recursive: true })
      const { data } = await project(path.join(bearing, 'cnn1d.onnx'), empty)
      expect(data).toMatchObject({ state: 'failed', error: { code: 'data/empty' } })
    })

    test('what is nothing of ours is refused with a reason', async () => {
      const { id } = await client.invoke('projects.create', { name: 'Odd' })
      const file = await client.hand(write('odd.xyz', new Uint8Array([7, 0, 1, 2])))
      const { taken, refused } = await client.invoke('project.take', { project: id, files: [file.id] })
      expect(taken).toEqual([])
      expect(refused).toMatchObject([{ name: 'odd.xyz' }])
    })

    test('a recipe goes out and comes in as it was', async () => {
      const { text } = await client.invoke('recipes.export', { recipe: QUANTIZED.recipe })
      const file = await client.hand(write('mine.recipe.json', text))
      expect(file.kind).toBe('recipe')
      expect(await client.invoke('recipes.import', { file: file.id })).toEqual(QUANTIZED.recipe)
      const bad = await client.hand(write('bad.recipe.json', '{"steps": [{"pass": 3}]}'))
      await expect(client.invoke('recipes.import', { file: bad.id })).rejects.toMatchObject({
        code: 'recipe/invalid',
      })
    })

    test('wrong requests are refused with a reason', async () => {
      await expect(client.invoke('nope' as never, undefined as never)).rejects.toMatchObject({
        code: 'bad-request',
      })
      await expect(client.invoke('projects.get', {} as never)).rejects.toMatchObject({ code: 'bad-request' })
      await expect(client.invoke('projects.get', { project: 'gone' })).rejects.toMatchObject({
        code: 'not-found',
      })
      const { id } = await client.invoke('projects.create', {})
      await expect(client.invoke('runs.start', { project: id, goal: SMALL })).rejects.toMatchObject({
        data: { code: 'bad-request', reason: 'Choose a model that can be read first.' },
      })
    })

    test('a cancelled run can be resumed and finishes', async () => {
      const { id } = await project(path.join(bearing, 'cnn1d.onnx'), path.join(bearing, 'data'))
      const { id: run } = await client.invoke('runs.start', { project: id, goal: QUANTIZED })
      await until(
        () => client.invoke('runs.get', { run }),
        ({ progress }) => progress.done > 0,
      )
      await client.invoke('runs.cancel', { run })
      expect(await ended(run)).toMatchObject({ status: 'cancelled', resumable: true })
      await client.invoke('runs.resume', { run })
      expect(await ended(run)).toMatchObject({ status: 'done', resumable: false })
    })

    test('a killed engine is an error of the run; the app lives and the run resumes', async () => {
      const { id } = await project(path.join(bearing, 'cnn1d.onnx'), path.join(bearing, 'data'))
      const { id: run } = await client.invoke('runs.start', { project: id, goal: QUANTIZED })
      await until(
        () => client.invoke('runs.get', { run }),
        ({ progress }) => progress.done > 0,
      )
      client.killEngine()
      const failed = await ended(run)
      expect(failed).toMatchObject({ status: 'failed', resumable: true })
      expect(failed.error!.code).toMatch(/^engine\//)
      expect(events.some(([event]) => event === 'engine.restarted')).toBe(true)
      await client.invoke('runs.resume', { run })
      expect((await ended(run)).status).toBe('done')
    })

    /** A project without data and its finished run, which some tests go on with. */
    let bare = { id: '', run: '' }

    test('the queue waits, reorders, pauses', async () => {
      const { id } = await project(path.join(bearing, 'cnn1d.onnx'))
      await client.invoke('queue.pause', { paused: true })
      const first = await client.invoke('runs.start', { project: id, goal: SMALL })
      const second = await client.invoke('runs.start', { project: id, goal: SMALL })
      expect((await client.invoke('queue.get', undefined)).waiting).toEqual([first.id, second.id])
      await client.invoke('queue.reorder', { order: [second.id, first.id] })
      expect((await client.invoke('queue.get', undefined)).waiting).toEqual([second.id, first.id])
      await client.invoke('runs.cancel', { run: first.id })
      await client.invoke('queue.pause', { paused: false })
      expect((await ended(second.id)).status).toBe('done')
      expect((await ended(first.id)).status).toBe('cancelled')
      bare = { id, run: second.id }
    })

    test('without data only likeness is measured', async () => {
      const run = await client.invoke('runs.get', { run: bare.run })
      expect(run.candidates[0]!.report.quality).toMatchObject({ split: 'random', task: 'unlabelled' })
    })

    test('results of another model or data are called stale', async () => {
      const { id } = bare
      expect((await client.invoke('projects.get', { project: id })).stale).toEqual([])
      const data = await client.hand(path.join(bearing, 'data'))
      await client.invoke('project.take', { project: id, files: [data.id] })
      const { stale, runs } = await settled(id)
      expect(stale.map(({ step }) => step)).toEqual(['compress', 'compare', 'export'])
      expect(runs).toHaveLength(2)
    })

    test('settings and projects survive a restart; a run that was going on is interrupted', async () => {
      await client.invoke('settings.set', { theme: 'dark' })
      const { id } = await project(path.join(bearing, 'cnn1d.onnx'), path.join(bearing, 'data'))
      const { id: run } = await client.invoke('runs.start', { project: id, goal: QUANTIZED })
      await until(
        () => client.invoke('runs.get', { run }),
        ({ progress }) => progress.done > 0,
      )
      await client.close()
      await begin()
      expect((await client.invoke('settings.get', undefined)).theme).toBe('dark')
      const reopened = await settled(id)
      expect(reopened.data.state).toBe('ready')
      expect(reopened.runs[0]).toMatchObject({ id: run, status: 'interrupted', resumable: true })
      await client.invoke('runs.resume', { run })
      expect((await ended(run)).status).toBe('done')
    })

    test('a removed project is gone with its runs', async () => {
      const { id, run } = bare
      expect(fs.existsSync(path.join(dataDir, 'runs', run))).toBe(true)
      await client.invoke('projects.remove', { project: id })
      await expect(client.invoke('projects.get', { project: id })).rejects.toMatchObject({
        code: 'not-found',
      })
      expect(fs.existsSync(path.join(dataDir, 'runs', run))).toBe(false)
    })
  })
}
