/** What a run told, with times, in a file that can go with a report of a fault. It names files, and holds no data of them. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { version } from '../../package.json'
import { ifDiskAllows } from '../service'

export class RunLog {
  private file: string | undefined
  private waiting: string[] = []

  /** What is written before there is a file is kept for it. A fault of the disk ends no run. */
  write(text: string): void {
    const lines = text.split('\n').map((line) => `${new Date().toISOString()} ${line}\n`)
    if (this.file === undefined) this.waiting.push(...lines)
    else this.append(this.file, lines)
  }

  /** Goes on where the file is there already. */
  open(file: string): void {
    this.file = file
    const head = `pare ${version}, Node ${process.version}, ${os.type()} ${os.release()} ${os.arch()}, ${os.cpus().length} cores\n`
    this.append(file, [`${new Date().toISOString()} ${head}`, ...this.waiting.splice(0)])
  }

  get opened(): boolean {
    return this.file !== undefined
  }

  private append(file: string, lines: readonly string[]): void {
    ifDiskAllows(() => {
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.appendFileSync(file, lines.join(''))
    })
  }
}
