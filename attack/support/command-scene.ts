/** The command line killed at each of its own writes; its engine ends with it. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { writeModel } from '../../src/engine/onnx'
import { hashOf, leftovers, type Scene } from './kill-scene'
import { tinyModel } from './small-models'
import { wholeness } from './whole'

const KILLED = 'SIGKILL'

export function commandScene(entry: string): Scene {
  let source = ''
  const parts = (folder: string) => ({
    model: path.join(folder, 'tiny.onnx'),
    small: path.join(folder, 'small'),
  })
  /** What went wrong, other than being killed. */
  const compress = async (folder: string): Promise<string | undefined> => {
    const { model, small } = parts(folder)
    const args = [entry, 'compress', model, '--pass', 'simplify', '--out', small, '--overwrite']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) =>
      child.once('close', (...ending) => done(ending)),
    )
    return code === 0 || signal === KILLED ? undefined : said
  }
  const fault = (folder: string, unfinished: boolean): string | undefined => {
    const { model, small } = parts(folder)
    if (hashOf(model) !== source) return 'the model itself was changed'
    const html = path.join(small, 'report.html')
    if (fs.existsSync(html) && !fs.readFileSync(html, 'utf8').trimEnd().endsWith('</html>'))
      return 'half a report'
    if (!unfinished && !fs.existsSync(html)) return 'no report to look at'
    return wholeness(small, unfinished)
  }
  return {
    name: 'the command line',
    entry: path.basename(entry),
    prepare: async (folder) => {
      fs.mkdirSync(folder, { recursive: true })
      writeModel(tinyModel(), parts(folder).model)
      source = hashOf(parts(folder).model)
    },
    work: async (folder) => {
      const said = await compress(folder)
      if (said !== undefined) throw new Error(said)
    },
    between: async (folder) => fault(folder, true),
    after: async (folder) => {
      const said = await compress(folder)
      return said ?? fault(folder, false) ?? leftovers(folder)
    },
  }
}
