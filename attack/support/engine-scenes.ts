/** Jobs of the engine that are killed: runs, searches and bundles of a model of one layer. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { zipSync } from 'fflate'
import { openZip } from '../../src/engine/data/zip'
import { writeModel } from '../../src/engine/onnx'
import { EngineHost, forkEngine, type JobInput } from '../../src/service'
import { hashOf, leftovers, type Scene } from './kill-scene'
import { SETTINGS } from './results'
import { tinyData, tinyModel } from './small-models'
import { recordFault, wholeness } from './whole'

const given = (folder: string) => ({ model: path.join(folder, 'tiny.onnx'), data: {}, settings: SETTINGS })

export const runOf = (folder: string, resume: boolean, last = 'float16'): JobInput<'compress'> => ({
  ...given(folder),
  folder: path.join(folder, 'run'),
  into: path.join(folder, 'small'),
  recipes: [
    {
      pare: 1,
      name: 'attack',
      description: '',
      steps: [
        { pass: 'simplify', params: {} },
        { pass: last, params: {} },
      ],
    },
  ],
  target: 'any',
  seed: 0,
  resume,
})

/** As `runOf`, on the data of `tinyData`, by a pass that learns and keeps checkpoints of its own. */
export const learningOf = (folder: string, resume: boolean): JobInput<'compress'> => {
  const request = runOf(folder, resume)
  const steps = [{ pass: 'distill', params: { epochs: 1 } }]
  const data = { path: path.join(folder, 'data.csv') }
  return { ...request, data, recipes: request.recipes.map((recipe) => ({ ...recipe, steps })) }
}

const archiveIn = (folder: string): string => path.join(folder, 'data.zip')
const unpackedIn = (folder: string): string => path.join(folder, 'unpacked')
const PACKED = Object.fromEntries(
  ['a/1.txt', 'a/2.txt', 'b/3.txt'].map((name) => [name, Buffer.from(name.repeat(100))]),
)

export const searchOf = (folder: string): JobInput<'searchList'> => ({
  ...given(folder),
  folder: path.join(folder, 'run'),
  goal: { kind: 'search', minutes: 5, maxDrop: 5 },
  seed: 0,
  resume: true,
})

const mergeOf = (folder: string): JobInput<'searchMerge'> => ({
  ...searchOf(folder),
  into: path.join(folder, 'small'),
})

/** Recipes that are tried while the search is killed: by number and not by time, so that its writes are the same each time. */
export const TRIED = 3

const bundleOf = (folder: string, form: 'zip' | 'folder'): JobInput<'exportBundle'> => ({
  ...given(folder),
  target: 'onnx',
  name: 'tiny',
  form,
  out: path.join(folder, form === 'zip' ? 'bundle.zip' : 'bundle'),
  overwrite: true,
})

/** Opens every entry, whose checksum is then compared; undefined where all is well or there is no zip. */
async function zipFault(file: string): Promise<string | undefined> {
  if (!fs.existsSync(file)) return undefined
  try {
    const zip = await openZip(file)
    try {
      for (const entry of zip.entries) for await (const _ of await entry.stream());
      return zip.entries.some(({ name }) => name === 'manifest.json')
        ? undefined
        : 'a bundle without manifest'
    } finally {
      zip.close()
    }
  } catch (cause) {
    return `the bundle is damaged: ${String(cause)}`
  }
}

function folderFault(folder: string): string | undefined {
  if (!fs.existsSync(folder)) return undefined
  try {
    const { files } = JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
      files: { name: string; sha256: string }[]
    }
    const wrong = files.find(({ name, sha256 }) => hashOf(path.join(folder, name)) !== sha256)
    return wrong && `${wrong.name} in the bundle is not what its manifest says`
  } catch (cause) {
    return `the bundle is damaged: ${String(cause)}`
  }
}

export class EngineScenes {
  private readonly unharmed: EngineHost
  private search: string | undefined

  constructor(private readonly worker: string) {
    this.unharmed = new EngineHost(() => forkEngine(worker))
  }

  close(): void {
    this.unharmed.close()
    if (this.search) fs.rmSync(this.search, { recursive: true, force: true })
  }

  /** A process of its own, started in the environment of the moment; that it is killed is no failure. */
  private async once(work: (run: EngineHost['run'], stop: () => void) => Promise<unknown>): Promise<void> {
    const host = new EngineHost(() => forkEngine(this.worker))
    try {
      await work(
        (...given) => host.run(...given),
        () => host.stopTraining(),
      )
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== 'engine/crashed') throw thrown
    } finally {
      host.close()
    }
  }

  private scene(
    name: string,
    parts: {
      before?: (run: EngineHost['run'], folder: string) => Promise<unknown>
      work: (run: EngineHost['run'], folder: string, again: boolean, stop: () => void) => Promise<unknown>
      fault: (folder: string, unfinished: boolean) => Promise<string | undefined> | string | undefined
    },
  ): Scene {
    const run: EngineHost['run'] = (...given) => this.unharmed.run(...given)
    let source = ''
    const mine = (folder: string): string | undefined =>
      hashOf(path.join(folder, 'tiny.onnx')) === source ? undefined : 'the model itself was changed'
    return {
      name,
      entry: 'worker.js',
      prepare: async (folder) => {
        fs.mkdirSync(folder, { recursive: true })
        writeModel(tinyModel(), path.join(folder, 'tiny.onnx'))
        source = hashOf(path.join(folder, 'tiny.onnx'))
        await parts.before?.(run, folder)
      },
      work: (folder) => this.once((once, stop) => parts.work(once, folder, false, stop)),
      between: async (folder) => mine(folder) ?? (await parts.fault(folder, true)),
      after: async (folder) => {
        try {
          await parts.work(run, folder, true, () => this.unharmed.stopTraining())
        } catch (thrown) {
          return `cannot go on: ${String(thrown)}`
        }
        return mine(folder) ?? (await parts.fault(folder, false)) ?? leftovers(folder)
      },
    }
  }

  /** A search of which nothing is left to try: tried once, and copied from then on. */
  private async tried(run: EngineHost['run'], folder: string): Promise<void> {
    const during = { during: 'an attack' }
    const to = searchOf(folder).folder
    if (this.search) return fs.cpSync(this.search, to, { recursive: true })
    for (let index = 0; ; index++) {
      const keys = (await run('searchList', searchOf(folder), during)).map(({ key }) => key)
      if (keys.length === 0) break
      await run('searchStep', { ...searchOf(folder), share: { worker: String(index), keys } }, during)
    }
    this.search = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    fs.cpSync(to, this.search, { recursive: true })
  }

  all(): Scene[] {
    const during = { during: 'an attack' }
    let keys: string[] = []
    const whole = (folder: string, unfinished: boolean): string | undefined =>
      wholeness(path.join(folder, 'small'), unfinished)
    const bundle = (form: 'zip' | 'folder', again: boolean): Scene =>
      this.scene(`export as ${form}${again ? ' over an older one' : ''}`, {
        ...(again && { before: (run, folder) => run('exportBundle', bundleOf(folder, form), during) }),
        work: (run, folder) => run('exportBundle', bundleOf(folder, form), during),
        fault: async (folder, unfinished) => {
          const { out } = bundleOf(folder, form)
          if (!unfinished && !fs.existsSync(out)) return 'no bundle'
          return form === 'zip' ? zipFault(out) : folderFault(out)
        },
      })
    return [
      this.scene('compress', {
        work: (run, folder, again) => run('compress', runOf(folder, again), during),
        fault: whole,
      }),
      this.scene('compress again with another recipe', {
        before: (run, folder) => run('compress', runOf(folder, false, 'quantize-dynamic'), during),
        work: (run, folder, again) => run('compress', runOf(folder, again), during),
        // At every moment there is a result: the old one or the new one.
        fault: (folder, unfinished) =>
          whole(folder, unfinished) ?? recordFault(path.join(folder, 'small', 'model.onnx')),
      }),
      this.scene('compress by learning', {
        before: async (_, folder) => tinyData(folder),
        work: (run, folder, again) => run('compress', learningOf(folder, again), during),
        fault: whole,
      }),
      this.scene('unpack', {
        before: async (_, folder) => fs.writeFileSync(archiveIn(folder), zipSync(PACKED)),
        work: (run, folder) =>
          run('unpack', { archive: archiveIn(folder), into: unpackedIn(folder) }, during),
        fault: (folder, unfinished) => {
          const into = unpackedIn(folder)
          if (!fs.existsSync(into)) return unfinished ? undefined : 'nothing is unpacked'
          const half = Object.entries(PACKED).find(
            ([name, bytes]) =>
              !fs.existsSync(path.join(into, name)) || !fs.readFileSync(path.join(into, name)).equals(bytes),
          )
          return half && `${half[0]} is not what was packed`
        },
      }),
      this.scene('search', {
        before: async (run, folder) => {
          const jobs = await run('searchList', searchOf(folder), during)
          keys = jobs.slice(0, TRIED).map(({ key }) => key)
        },
        work: async (run, folder, again) => {
          await run('searchStep', { ...searchOf(folder), share: { worker: '0', keys } }, during)
          if (!again) return
          const left = await run('searchList', searchOf(folder), during)
          if (left.some(({ key, done }) => !done && keys.includes(key)))
            throw new Error('a recipe that was tried is to be tried again')
        },
        fault: () => undefined,
      }),
      this.scene('a search is concluded', {
        before: async (run, folder) => {
          const jobs = await run('searchList', searchOf(folder), during)
          const tried = jobs.slice(0, TRIED).map(({ key }) => key)
          await run('searchStep', { ...searchOf(folder), share: { worker: '0', keys: tried } }, during)
        },
        // Stopped as soon as it says something: what was tried before is what there is to conclude from.
        work: (run, folder, _again, stop) =>
          run(
            'search',
            { ...searchOf(folder), into: path.join(folder, 'small') },
            { ...during, onEvent: stop },
          ),
        fault: (folder, unfinished) => {
          if (!unfinished && !fs.existsSync(path.join(folder, 'small', 'search.json'))) return 'no conclusion'
          return whole(folder, unfinished)
        },
      }),
      this.scene('a search of many workers is merged', {
        before: (run, folder) => this.tried(run, folder),
        work: async (run, folder) => {
          const merged = await run('searchMerge', mergeOf(folder), during)
          if ('left' in merged) throw new Error(`${merged.left.length} recipes are still to be tried`)
        },
        fault: (folder, unfinished) => {
          if (!unfinished && !fs.existsSync(path.join(folder, 'small', 'search.json'))) return 'no conclusion'
          return whole(folder, unfinished)
        },
      }),
      bundle('zip', false),
      bundle('zip', true),
      bundle('folder', false),
      bundle('folder', true),
    ]
  }
}
