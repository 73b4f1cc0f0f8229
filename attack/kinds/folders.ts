import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { seeded } from '../../src/engine/math/random'
import { writeModel } from '../../src/engine/onnx'
import { EngineHost, forkEngine, type JobInput } from '../../src/service'
import type { Attack, Finding } from '../support/attack'
import { damage } from '../support/damage'
import { learningOf, runOf, searchOf, TRIED } from '../support/engine-scenes'
import { Target } from '../support/engines'
import { hiddenFault, SETTINGS } from '../support/results'
import { tinyData, tinyModel } from '../support/small-models'
import { toError } from '../../src/contract/errors'

const during = { during: 'an attack' }

/** In one case of this many a folder lies where a file should be. */
const FOLDER_SHARE = 30

/** Work that left a folder, and how people go on from there. */
interface Left {
  name: string
  make(run: EngineHost['run'], folder: string): Promise<unknown>
  goOn(run: EngineHost['run'], folder: string): Promise<unknown>
}

async function resumed(run: EngineHost['run'], request: JobInput<'compress'>): Promise<void> {
  const fault = hiddenFault(await run('compress', request, during))
  if (fault) throw toError(fault)
}

const KINDS: readonly Left[] = [
  {
    name: 'run',
    make: (run, folder) => run('compress', runOf(folder, false), during),
    async goOn(run, folder) {
      await resumed(run, runOf(folder, true))
      await run('record', { model: path.join(folder, 'small', 'model.onnx') }, during)
      const results = [path.join(folder, 'small', 'samples.json')]
      const asked = { results, task: 'unlabelled', filter: 'all', offset: 0, limit: 5 } as const
      await run('compareSamples', asked, during)
    },
  },
  {
    name: 'learning',
    make: (run, folder) => {
      tinyData(folder)
      return run('compress', learningOf(folder, false), during)
    },
    goOn: (run, folder) => resumed(run, learningOf(folder, true)),
  },
  {
    name: 'search',
    async make(run, folder) {
      const jobs = await run('searchList', searchOf(folder), during)
      const keys = jobs.slice(0, TRIED).map(({ key }) => key)
      await run('searchStep', { ...searchOf(folder), share: { worker: '0', keys } }, during)
    },
    goOn: (run, folder) => run('searchList', searchOf(folder), during),
  },
  {
    name: 'sensitivities',
    make: (run, folder) => run('sensitivity', sensitivityOf(folder, tinyData(folder)), during),
    goOn: (run, folder) => run('sensitivity', sensitivityOf(folder, path.join(folder, 'data.csv')), during),
  },
]

const sensitivityOf = (folder: string, data: string) => ({
  model: path.join(folder, 'tiny.onnx'),
  data: { path: data },
  settings: SETTINGS,
  samples: 8,
  sensitivities: path.join(folder, 'sensitivities'),
})

function filesIn(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(path.join(folder, name)).isFile() && path.basename(name) !== 'tiny.onnx')
    .sort()
}

export const attack: Attack = {
  about: 'damaged folders of runs, learning, searches and sensitivities: gone on with, or refused',
  count: 1000,
  async *run({ seed, count, seconds, built, memory }): AsyncIterable<Finding> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    const until = Date.now() + seconds * 1000
    const whole = new EngineHost(() => forkEngine(path.join(built, 'worker.js')))
    const target = new Target(built, memory)
    try {
      const made: { left: Left; folder: string; files: string[] }[] = []
      for (const left of KINDS) {
        const folder = path.join(root, left.name)
        fs.mkdirSync(folder)
        writeModel(tinyModel(), path.join(folder, 'tiny.onnx'))
        await left.make((...asked) => whole.run(...asked), folder)
        made.push({ left, folder, files: filesIn(folder) })
      }
      for (let index = 0; index < count && Date.now() < until; index++) {
        const random = seeded(seed).fork(`folder ${index}`)
        const { left, folder, files } = made[random.below(made.length)]!
        // The same place, for what is there names files by their paths.
        fs.renameSync(folder, `${folder}-whole`)
        fs.cpSync(`${folder}-whole`, folder, { recursive: true, preserveTimestamps: true })
        const { what, input } = damage(folder, files, random, FOLDER_SHARE)
        const outcome = await target.outcome((run) => left.goOn(run, folder))
        fs.rmSync(folder, { recursive: true, force: true })
        fs.renameSync(`${folder}-whole`, folder)
        yield { case: `${left.name}: ${what} #${index}`, ...outcome, input }
      }
    } finally {
      target.close()
      whole.close()
      fs.rmSync(root, { recursive: true, force: true })
    }
  },
}
