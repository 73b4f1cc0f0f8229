/**
 * Finished passes of a run on disk. A checkpoint is a model file and its step record; `run.json` names it only
 * after the model is safely written, with the hash of what was written, so that a damaged one is noticed.
 */
import fs from 'node:fs'
import path from 'node:path'
import { diskError, onDisk, PareError } from '../../contract/errors'
import type { StepRecord } from '../../contract/report'
import { writeModel, type Model } from '../onnx'
import { hashFile } from '../onnx/hash-file'
import { writeJson } from '../../disk/write'
import { readJson } from './files'
import { linkOrCopy, type PassCache } from './pass-cache'
import { RunState, type Checkpoint, type FinishedCandidate, type WrittenFile } from './state'

const describeFiles = (files: readonly string[], folder: string): WrittenFile[] =>
  files.map((file) => ({
    name: path.relative(folder, file),
    bytes: fs.statSync(file).size,
    sha256: hashFile(file),
  }))

const areWhole = (files: readonly WrittenFile[], folder: string): boolean =>
  files.every(({ name, bytes, sha256 }) => {
    const file = path.join(folder, name)
    return fs.statSync(file, { throwIfNoEntry: false })?.size === bytes && hashFile(file) === sha256
  })

export class RunFolder {
  private constructor(
    readonly folder: string,
    private state: RunState,
  ) {}

  /**
   * Opens the run in `folder`, or begins one. What was made from another original is forgotten.
   * Throws `disk/denied`, `disk/full`, `disk/failed`.
   */
  static open(
    folder: string,
    { original, target }: Pick<RunState, 'original' | 'target'>,
    resume: boolean,
  ): RunFolder {
    const found = resume ? RunState.safeParse(readJson(path.join(folder, 'run.json'))) : undefined
    const same = found?.success && found.data.original.sha256 === original.sha256
    const state: RunState = same
      ? { ...found.data, original, target }
      : { pare: 1, original, target, checkpoints: [], candidates: [] }
    const run = new RunFolder(folder, state)
    try {
      if (!same) for (const part of ['checkpoints', 'scratch', 'candidates']) run.remove(part)
      fs.mkdirSync(path.join(folder, 'checkpoints'), { recursive: true })
    } catch (cause) {
      throw diskError(cause, folder, 0)
    }
    run.save()
    return run
  }

  /** Id of the target that the run in a folder was for; undefined where there is no run. */
  static targetIn(folder: string): string | undefined {
    return RunState.safeParse(readJson(path.join(folder, 'run.json'))).data?.target
  }

  candidateFolder(n: number): string {
    return path.join(this.folder, 'candidates', String(n))
  }

  /** A folder for a pass's own files, which outlives a crash but not the pass. */
  scratch(key: string): string {
    const folder = path.join(this.folder, 'scratch', key)
    onDisk(folder, () => fs.mkdirSync(folder, { recursive: true }))
    return folder
  }

  dropScratch(key: string): void {
    this.remove(path.join('scratch', key))
  }

  checkpoint(key: string): Checkpoint | undefined {
    return this.state.checkpoints.find((candidate) => candidate.key === key)
  }

  /** The model of a checkpoint; undefined where it is gone or no longer what was written. */
  modelOf(checkpoint: Checkpoint): string | undefined {
    const { files } = checkpoint
    return files && areWhole(files, this.folder) ? path.join(this.folder, files[0]!.name) : undefined
  }

  /** Writes a model where a checkpoint of this key will lie; it counts only after `keep`. */
  write(key: string, model: Model): string[] {
    return writeModel(model, path.join(this.folder, 'checkpoints', `${key}.onnx`)).files
  }

  keep(key: string, record: StepRecord, files: readonly string[] | undefined, partial = false): void {
    this.put([
      {
        key,
        record: record as unknown as Checkpoint['record'],
        ...(partial && { partial }),
        ...(files && { files: describeFiles(files, this.folder) }),
      },
    ])
  }

  /** Takes over what other runs have finished up to `key`; false where it is no longer there. */
  adopt(key: string, cache: PassCache): boolean {
    const found = cache.find(key)
    if (!found || !cache.take(found.files, this.checkpoints)) return false
    this.put(
      found.steps.map(({ key: step, record }) => ({
        key: step,
        record: record as unknown as Checkpoint['record'],
        ...(step === key && { files: found.files.map((file) => ({ ...file })) }),
      })),
    )
    return true
  }

  /** Gives what was finished up to the last of `keys` to other runs; what failed or was ended early is not for them. */
  share(keys: readonly string[], cache: PassCache): void {
    const found = keys.map((key) => this.checkpoint(key))
    const files = found.at(-1)?.files
    const steps = found.flatMap((one) => {
      const record = one?.record as unknown as StepRecord | undefined
      return one && record && !one.partial && !record.failed ? [{ key: one.key, record }] : []
    })
    if (files && steps.length === keys.length) cache.keep(keys.at(-1)!, steps, files, this.checkpoints)
  }

  /** Takes over the finished passes of another run's folder, its models as they are. */
  takeOver(other: string): void {
    const found = RunState.safeParse(readJson(path.join(other, 'run.json'))).data
    if (!found || found.original.sha256 !== this.state.original.sha256) return
    const known = found.checkpoints.filter(({ key, files }) => files || !this.checkpoint(key))
    for (const { files = [] } of known)
      for (const { name } of files)
        onDisk(name, () => linkOrCopy(path.join(other, name), path.join(this.folder, name)))
    this.put(known)
  }

  private put(checkpoints: readonly Checkpoint[]): void {
    const keys = new Set(checkpoints.map(({ key }) => key))
    this.state.checkpoints = [...this.state.checkpoints.filter(({ key }) => !keys.has(key)), ...checkpoints]
    this.save()
  }

  private get checkpoints(): string {
    return path.join(this.folder, 'checkpoints')
  }

  /** Removes the model of a checkpoint that later ones have made needless; its record stays. */
  dropModel(key: string): void {
    const checkpoint = this.checkpoint(key)
    if (!checkpoint?.files) return
    const { files } = checkpoint
    delete checkpoint.files
    this.save()
    for (const { name } of files) this.remove(name)
  }

  /** A finished candidate whose files are whole. */
  finished(n: number, key: string, folder: string): FinishedCandidate | undefined {
    const found = this.state.candidates.find((candidate) => candidate.n === n && candidate.key === key)
    return found && areWhole(found.files, folder) ? found : undefined
  }

  finish(
    n: number,
    key: string,
    recipe: FinishedCandidate['recipe'],
    files: readonly string[],
    folder: string,
  ): void {
    const candidate = { n, key, recipe, files: describeFiles(files, folder) }
    this.state.candidates = [...this.state.candidates.filter((other) => other.n !== n), candidate]
    this.save()
  }

  /** At the end of the run: what only served to go on is removed. */
  cleanUp(): void {
    this.state.checkpoints = []
    this.save()
    this.remove('checkpoints')
    this.remove('scratch')
  }

  private save(): void {
    writeJson(path.join(this.folder, 'run.json'), this.state)
  }

  private remove(name: string): void {
    const target = path.resolve(this.folder, name)
    const inside = path.relative(this.folder, target)
    if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside))
      throw new PareError('disk/failed', { path: target, reason: 'it does not lie in the run' })
    onDisk(target, () => fs.rmSync(target, { recursive: true, force: true }))
  }
}
