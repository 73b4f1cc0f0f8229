/** A short run of each attack with a fixed seed; `npm run attack` runs them for long. */
import path from 'node:path'
import { expect, test } from 'vitest'
import { attack as data } from '../../attack/kinds/data'
import { attack as folders } from '../../attack/kinds/folders'
import { attack as kills } from '../../attack/kinds/kills'
import { attack as models } from '../../attack/kinds/models'
import { attack as soak } from '../../attack/kinds/soak'
import { attack as recipes } from '../../attack/kinds/recipes'
import { attack as settings } from '../../attack/kinds/settings'
import { attack as shell } from '../../attack/kinds/shell'
import { FAULTS, type Attack, type Finding } from '../../attack/support/attack'
import { bundled } from '../bundled'

const SHORT = [
  { name: 'models', attack: models, count: 400 },
  { name: 'data', attack: data, count: 500 },
  { name: 'recipes', attack: recipes, count: 15 },
  { name: 'settings', attack: settings, count: 60 },
  { name: 'folders', attack: folders, count: 15 },
  { name: 'shell', attack: shell, count: 3000 },
  { name: 'kills', attack: kills, count: 8 },
  { name: 'soak', attack: soak, count: 20 },
]

async function findingsOf(attack: Attack, count: number): Promise<Finding[]> {
  const found: Finding[] = []
  const built = path.dirname(await bundled('worker'))
  const options = { seed: 1, count, seconds: 240, engines: 2, memory: 2 * 2 ** 30, built }
  for await (const finding of attack.run(options)) found.push(finding)
  return found
}

test.each(SHORT)(
  '$name: everything works or is refused with a sentence',
  { timeout: 300_000 },
  async (one) => {
    const findings = await findingsOf(one.attack, one.count)
    expect(findings.filter(({ verdict }) => FAULTS.includes(verdict))).toEqual([])
    // An attack that never gets in, or never gets through, says nothing.
    expect(findings.some(({ verdict }) => verdict === 'ok')).toBe(true)
  },
)
