/** Damages some files of a folder, one to three at once: what holds one of them against another is misled as well. */
import fs from 'node:fs'
import path from 'node:path'
import type { Random } from '../../src/engine/math/random'
import { mutateBytes } from '../mutate/bytes'
import { mutateJson } from '../mutate/json'

const MOST = 3

interface Damage {
  /** Relative to the folder. */
  names: string[]
  /** Names, and which of them is a folder now. */
  what: string
  /** What the first became. */
  input: { bytes: Uint8Array; extension: string }
}

/** `names` are files of `folder`; in one case of `folderShare` a folder lies where one should be. */
export function damage(
  folder: string,
  names: readonly string[],
  random: Random,
  folderShare: number,
): Damage {
  const chosen = random.shuffle([...names]).slice(0, 1 + random.below(MOST))
  const parts = chosen.map((name) => {
    const file = path.join(folder, name)
    const isJson = /\.jsonl?$/.test(name)
    const text = new Uint8Array(fs.readFileSync(file))
    const bytes = (isJson && random.below(4) > 0 ? mutateJson : mutateBytes)(text, random)
    const asFolder = random.below(folderShare) === 0
    fs.rmSync(file)
    if (asFolder) fs.mkdirSync(file)
    else fs.writeFileSync(file, bytes)
    return { what: `${name}${asFolder ? ' (a folder)' : ''}`, bytes, extension: path.extname(name) || '.bin' }
  })
  const [{ bytes, extension }] = parts as [(typeof parts)[number]]
  return { names: chosen, what: parts.map(({ what }) => what).join(' and '), input: { bytes, extension } }
}
