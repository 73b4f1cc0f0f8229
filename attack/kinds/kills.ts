import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { seeded } from '../../src/engine/math/random'
import type { Attack, Finding, Outcome } from '../support/attack'
import { commandScene } from '../support/command-scene'
import { EngineScenes } from '../support/engine-scenes'
import { harmed, leavesTheSame, stepsOf, type Scene } from '../support/kill-scene'
import { ServiceScenes } from '../support/service-scenes'

/** For so few points it is not worth counting those of everything. */
const FEW = 50

interface Point {
  scene: Scene
  step: number
  what: string
}

/** Where in a scene a point is, whatever the names of that run were: hashes, processes, turns. */
const kindOf = ({ scene, what }: Point): string =>
  `${scene.name} ${what.replace(/^\d+ /, '').replace(/\b[0-9a-f]{8,}\b|-\w{6}\b|\d+/g, '#')}`

/** The first of every kind, then the second of those that have one, and so on: what time allows has seen all kinds. */
function byKind(points: readonly Point[]): Point[] {
  const seen = new Map<string, number>()
  const turns = points.map((point) => {
    const turn = seen.get(kindOf(point)) ?? 0
    seen.set(kindOf(point), turn + 1)
    return { point, turn }
  })
  return turns.sort((a, b) => a.turn - b.turn).map(({ point }) => point)
}

async function killAt(scene: Scene, step: number, folder: string): Promise<Outcome> {
  await scene.prepare(folder)
  try {
    await harmed(scene.entry, { at: step }, () => scene.work(folder))
  } catch (thrown) {
    return { verdict: 'internal', detail: String((thrown as Error).stack ?? thrown) }
  }
  const between = await scene.between(folder)
  if (between) return { verdict: 'lost', detail: `after the kill: ${between}` }
  const after = await scene.after(folder)
  return after ? { verdict: 'lost', detail: `after going on: ${after}` } : { verdict: 'ok' }
}

export const attack: Attack = {
  about:
    'the process killed before and after each write of runs, searches, bundles, the command line and the app itself: nothing lost',
  count: 10_000,
  async *run({ seed, count, seconds, built }): AsyncIterable<Finding> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    const until = Date.now() + seconds * 1000
    const engine = new EngineScenes(path.join(built, 'worker.js'))
    const command = commandScene(path.join(built, 'cli.js'))
    try {
      const app = new ServiceScenes(path.join(built, 'browser-shell.js'), path.join(root, 'app'))
      let all = 0
      const points: Point[] = []
      const scenes =
        count > FEW
          ? [...engine.all(), command, ...(await app.first())]
          : [
              ...seeded(seed)
                .shuffle([...engine.all(), command])
                .slice(0, 2),
              ...(await app.first(3)),
            ]
      for (const scene of scenes) {
        const folder = path.join(root, 'unharmed')
        const steps = await stepsOf(scene, folder, path.join(root, `steps-${points.length}`))
        fs.rmSync(folder, { recursive: true, force: true })
        all += steps.length
        for (const [i, line] of steps.entries())
          if (!leavesTheSame(steps[i - 1], line))
            points.push({ scene, step: i + 1, what: line.replaceAll(root, '') })
      }
      const kinds = new Set(points.map(kindOf)).size
      for (const { scene, step, what } of byKind(seeded(seed).shuffle(points)).slice(0, count)) {
        if (Date.now() > until) return
        const folder = path.join(root, 'harmed')
        fs.rmSync(folder, { recursive: true, force: true })
        const outcome = await killAt(scene, step, folder)
        yield {
          case: `${scene.name}, ${what}, of ${points.length} points of ${kinds} kinds (${all} with those that leave the same)`,
          ...outcome,
        }
      }
    } finally {
      engine.close()
      fs.rmSync(root, { recursive: true, force: true })
    }
  },
}
