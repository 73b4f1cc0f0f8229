/** Projects and settings on disk; every change is saved at once and announced. */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { PareError } from '../contract/errors'
import { Settings } from '../contract/app'
import { ProjectRecord, type RunRecord } from './records'
import { writeJson } from '../disk/write'
import { ifDiskAllows, newId, readJson, readJsonFolder, type Damaged } from './storage'

export class ProjectStore {
  private readonly records: Map<string, ProjectRecord>

  constructor(
    private readonly folder: string,
    private readonly changed: (project: string) => void,
    damaged: Damaged,
  ) {
    this.records = readJsonFolder(folder, ProjectRecord, damaged)
  }

  /** Most recently changed first. */
  all(): ProjectRecord[] {
    return [...this.records.values()].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt))
  }

  get(id: string): ProjectRecord {
    const record = this.records.get(id)
    if (!record) throw new PareError('not-found', { what: 'project', id })
    return record
  }

  has(id: string): boolean {
    return this.records.has(id)
  }

  create(name: string): ProjectRecord {
    const now = new Date().toISOString()
    const record: ProjectRecord = { id: newId(), name, createdAt: now, updatedAt: now, runs: [], exports: [] }
    this.records.set(record.id, record)
    this.write(record)
    return record
  }

  /** Changes a project, saves it and says so. Nothing happens where the project is gone. */
  update(id: string, change: (record: ProjectRecord) => void): void {
    const record = this.records.get(id)
    if (!record) return
    change(record)
    record.updatedAt = new Date().toISOString()
    this.write(record)
  }

  remove(id: string): void {
    this.get(id)
    this.records.delete(id)
    fs.rmSync(path.join(this.folder, `${id}.json`), { force: true })
  }

  run(id: string): RunRecord {
    for (const { runs } of this.records.values()) {
      const run = runs.find((one) => one.id === id)
      if (run) return run
    }
    throw new PareError('not-found', { what: 'run', id })
  }

  /** Changes a run of its project. */
  updateRun(run: RunRecord, change: (run: RunRecord) => void): void {
    this.update(run.project, () => change(run))
  }

  private write(record: ProjectRecord): void {
    writeJson(path.join(this.folder, `${record.id}.json`), record)
    this.changed(record.id)
  }
}

export class SettingsStore {
  private value: Settings

  constructor(
    private readonly file: string,
    damaged: Damaged,
  ) {
    this.value = readJson(file, Settings, damaged) ?? Settings.parse({})
  }

  get(): Settings {
    return this.value
  }

  set(change: Partial<Settings>): Settings {
    this.value = Settings.parse({ ...this.value, ...change })
    writeJson(this.file, this.value)
    return this.value
  }
}

const Place = z.object({ address: z.string() })

/** Where the last window was. Worth no word where it cannot be read or written: the next one begins at home. */
export class PlaceStore {
  private address: string

  constructor(private readonly file: string) {
    this.address = readJson(file, Place, () => undefined)?.address ?? ''
  }

  get(): string {
    return this.address
  }

  set(address: string): void {
    if (address === this.address) return
    this.address = address
    ifDiskAllows(() => writeJson(this.file, { address }))
  }
}
