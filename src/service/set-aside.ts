/**
 * Files of the app that cannot be read are moved to a folder of their own, where a person can get at them, and it is
 * remembered until the person has said that they know.
 */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { AppNotice } from '../contract/app'
import { writeJson } from '../disk/write'
import { newId, readJson, type Damaged } from './storage'

const Remembered = z.array(
  z.object({
    id: z.string(),
    at: z.string(),
    seen: z.boolean(),
    kind: z.string(),
    error: z.object({
      code: z.literal('app/set-aside'),
      kind: z.string(),
      path: z.string(),
      aside: z.string(),
      reason: z.string(),
    }),
  }),
)

type Notice = z.output<typeof Remembered>[number]

export class SetAside {
  private all: Notice[] = []

  constructor(private readonly folder: string) {
    const before = readJson(this.file, Remembered, this.taking('note')) ?? []
    this.all.push(...before)
  }

  /** What reading a file of this kind calls when it finds it damaged. */
  taking(kind: string): Damaged {
    return (file, reason) => {
      const id = newId()
      let aside = path.join(this.folder, `${id}-${path.basename(file)}`)
      try {
        fs.mkdirSync(this.folder, { recursive: true })
        fs.renameSync(file, aside)
      } catch {
        // Where nothing can be moved nothing will be written over it either.
        aside = file
      }
      const error: Notice['error'] = { code: 'app/set-aside', kind, path: file, aside, reason }
      this.all.unshift({ id, at: new Date().toISOString(), seen: false, kind, error })
      this.save()
    }
  }

  /** Newest first. */
  notices(): AppNotice[] {
    return this.all.filter(({ seen }) => !seen).map(({ id, at, error }) => ({ id, at, error }))
  }

  dismiss(id: string): void {
    for (const notice of this.all) if (notice.id === id) notice.seen = true
    this.save()
  }

  /** Whether damaged files of a kind still lie here: what only they would name is not known to be without use. */
  keeps(...kinds: string[]): boolean {
    return this.all.some(({ kind, error }) => kinds.includes(kind) && fs.existsSync(error.aside))
  }

  private get file(): string {
    return path.join(this.folder, 'notices.json')
  }

  private save(): void {
    try {
      writeJson(this.file, this.all)
    } catch {
      // On a full disk it is told all the same, this time.
    }
  }
}
