/// <reference types="vite/client" />
/**
 * `npm run bench [-- name[:part,part] …]`: ratios and memory from one run on this machine. Each file beside this
 * one is an entry that exports `entry`; its file name is its name, and some have parts to choose from.
 */
import path from 'node:path'
import { commandLine, refuse } from '../scripts/command-line'
import { holds, line, type Entry } from './support/figure'

const found = import.meta.glob<{ entry: Entry }>(['./*.ts', '!./index.ts'])
const entries = new Map(Object.entries(found).map(([file, load]) => [path.basename(file, '.ts'), load]))

const usage = `npm run bench [-- NAME[:part,part] …]
names: ${[...entries.keys()].join(', ')}; all without one`

const asked = new Map(
  commandLine(usage, {}).positionals.map((word) => {
    const [name, parts] = word.split(':') as [string, string?]
    return [name, parts?.split(',') ?? []]
  }),
)
const wanted = [...asked.keys()]
const unknown = wanted.filter((name) => !entries.has(name))
if (unknown.length > 0) refuse(`There is no entry ${unknown.join(', ')}.`, usage)

let missed = 0
for (const name of wanted.length > 0 ? wanted : entries.keys()) {
  const { entry } = await entries.get(name)!()
  console.log(`${name}: ${entry.about}`)
  for await (const figure of await entry.run(asked.get(name) ?? [])) {
    console.log(line(figure))
    if (!holds(figure)) missed++
  }
}
process.exit(missed > 0 ? 1 : 0)
