import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PareError } from '../../src/contract/errors'
import { seeded } from '../../src/engine/math/random'
import { readRecipe } from '../../src/service'
import { jsonFiles, makeAppState, openApp } from './app-state'
import { damage } from './damage'
import { verdictOf, type Attack, type Finding, type Outcome } from './attack'

/** The engine is asked as well in one case of this many: starting it takes a hundred times as long. */
const ENGINE_SHARE = 25
/** In one case of this many a folder lies where a file should be. */
const FOLDER_SHARE = 40

/** What the window asks when it opens. */
async function look(dataDir: string, built: string, withEngine: boolean): Promise<void> {
  const service = openApp(dataDir, built)
  try {
    await service.invoke('settings.get', undefined as never)
    await service.invoke('queue.get', undefined as never)
    for (const { id } of await service.invoke('projects.list', undefined as never)) {
      const project = await service.invoke('projects.get', { project: id })
      const candidate = project.runs.flatMap((run) => run.candidates)[0]
      if (!candidate || !withEngine) continue
      const asked = { project: id, candidates: [candidate.id] }
      await service.invoke('compare.samples', { ...asked, filter: 'all', offset: 0, limit: 10 })
      await service.invoke('compare.report', asked)
    }
  } finally {
    service.close()
  }
}

async function outcomeOf(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    await work()
    return { verdict: 'ok' }
  } catch (thrown) {
    if (thrown instanceof PareError) return verdictOf(thrown.data)
    return { verdict: 'internal', detail: String((thrown as Error).stack ?? thrown) }
  }
}

const RECIPE = {
  pare: 1,
  name: 'Mine',
  description: 'by hand',
  steps: [
    { pass: 'simplify', params: {} },
    { pass: 'quantize-static', params: { calibration: 'entropy', exclude: ['a', 'b'], maxLoss: 1.5 } },
  ],
}

/** `names` chooses which of the app's files are damaged. */
export const stateAttack = (about: string, count: number, names: RegExp): Attack => ({
  about,
  count,
  async *run({ seed, count, seconds, built }): AsyncIterable<Finding> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    const whole = path.join(root, 'whole')
    const until = Date.now() + seconds * 1000
    try {
      await makeAppState(whole, built)
      fs.writeFileSync(path.join(whole, 'mine.recipe.json'), JSON.stringify(RECIPE, null, 2))
      const files = jsonFiles(whole).filter((name) => names.test(name))
      for (let index = 0; index < count && Date.now() < until; index++) {
        const random = seeded(seed).fork(`state ${index}`)
        const dataDir = path.join(root, `case-${index}`)
        fs.cpSync(whole, dataDir, { recursive: true })
        const { names: damaged, what, input } = damage(dataDir, files, random, FOLDER_SHARE)
        const recipe = damaged.find((name) => name.endsWith('.recipe.json'))
        const outcome = await outcomeOf(async () =>
          recipe !== undefined
            ? readRecipe(path.join(dataDir, recipe))
            : look(dataDir, built, random.below(ENGINE_SHARE) === 0),
        )
        fs.rmSync(dataDir, { recursive: true, force: true })
        yield { case: `${what} #${index}`, ...outcome, input }
      }
    } finally {
      fs.rmSync(root, { recursive: true, force: true })
    }
  },
})
