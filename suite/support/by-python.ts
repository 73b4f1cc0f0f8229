/** Models that Python makes where it is at hand, kept outside the project. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Where they are kept, and an environment of Python that has what making them needs. */
const CACHE = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'pare-suite')

const pythons = (): string[] =>
  [process.env['PARE_SUITE_PYTHON'], path.join(CACHE, 'venv', 'bin', 'python'), 'python3'].filter(
    (python) => python !== undefined,
  )

export interface MadeByPython {
  /** What they are, for sentences; also the folder of the cache. */
  what: string
  /** In suite/python: takes a folder, writes `models/NAME.onnx` and `data/` there, and leaves what is there already. */
  script: string
  /** Packages it imports. */
  needs: readonly string[]
}

/** Where they lie, as the zoo is laid out. */
export const folderOf = ({ what }: MadeByPython): string => path.join(CACHE, what)

function made(one: MadeByPython): string[] {
  const models = path.join(folderOf(one), 'models')
  const files = fs.existsSync(models) ? fs.readdirSync(models) : []
  return files.filter((name) => name.endsWith('.onnx')).map((name) => path.parse(name).name)
}

/** Names of those that are there. What is absent is made, or said to be absent. */
export function makeByPython(one: MadeByPython): string[] {
  const { what, needs } = one
  const script = path.join('suite', 'python', one.script)
  const hash = createHash('sha256').update(fs.readFileSync(script)).digest('hex')
  /** What the script made of itself whole, so that looking again takes no Python. */
  const stamp = path.join(folderOf(one), 'made')
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === hash) return made(one)
  const python = pythons().find(
    (candidate) => spawnSync(candidate, ['-c', `import ${needs.join(', ')}`]).status === 0,
  )
  if (!python) {
    const how = 'set PARE_SUITE_PYTHON to a Python that has them'
    console.log(`No Python with ${needs.join(', ')} is at hand (${how}): ${what} are not made anew.`)
    return made(one)
  }
  const { status } = spawnSync(python, ['-B', script, folderOf(one)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status === 0) fs.writeFileSync(stamp, hash)
  else console.log(`Not all ${what} could be made; what is there is used.`)
  return made(one)
}
