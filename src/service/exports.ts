/** Bundles: where they go and what is remembered of them. */
import path from 'node:path'
import { PareError } from '../contract/errors'
import type { BundlePlan, ExportRecord } from '../contract/project'
import type { ExportRequest } from '../engine/jobs/protocol'
import { modelAndDataOf, type Core } from './core'
import { fileName } from './recipes'
import { candidateModel, candidateOf } from './candidates'
import { newId } from './storage'

interface ExportInput {
  project: string
  candidate: string
  target: string
  embed: boolean
}

export class Exports {
  constructor(private readonly core: Core) {}

  plan(input: ExportInput): Promise<BundlePlan> {
    return this.core.interactive.run('exportPlan', this.request(input), { during: 'planning the bundle' })
  }

  async write(
    input: ExportInput & { form: 'zip' | 'folder'; overwrite: boolean },
  ): Promise<{ record: ExportRecord; download?: string } | null> {
    const { core } = this
    const request = this.request(input)
    const name = `${request.name}-${input.target}${input.form === 'zip' ? '.zip' : ''}`
    const asked = core.host.chooseDestination !== undefined
    const out = asked
      ? await core.host.chooseDestination!(name, input.form)
      : path.join(core.dataDir, 'exports', input.project, name)
    if (out === null) return null
    const { bytes, path: written } = await core.interactive.run(
      'exportBundle',
      // A native dialog has asked already whether something may be replaced.
      { ...request, form: input.form, out, overwrite: asked || input.overwrite },
      {
        during: 'writing the bundle',
        onEvent: ({ event, data }) =>
          event === 'progress' &&
          core.emit('task.progress', { project: input.project, done: data.done, doing: data.doing }),
      },
    )
    const record: ExportRecord = {
      id: newId(),
      candidate: input.candidate,
      target: input.target,
      where: written,
      bytes,
      at: new Date().toISOString(),
    }
    core.store.update(input.project, (project) => {
      const others = project.exports.filter((other) => other.path !== written)
      project.exports = [{ ...record, path: written }, ...others]
    })
    const download = input.form === 'zip' ? core.host.offerDownload?.(written, name) : undefined
    return { record, ...(download && { download }) }
  }

  /** Where it was written. Throws `not-found`. */
  pathOf(id: string): string {
    for (const { exports } of this.core.store.all()) {
      const found = exports.find((one) => one.id === id)
      if (found) return found.path
    }
    throw new PareError('not-found', { what: 'export', id })
  }

  private request({ candidate: id, target, embed }: ExportInput): ExportRequest {
    const { run: record, candidate } = candidateOf(this.core.store, id)
    return {
      ...modelAndDataOf(this.core, record),
      model: candidateModel(this.core.store, id),
      name: fileName(`${record.model.name.replace(/\.onnx$/i, '')}-${candidate.recipe.name}`)
        .toLowerCase()
        .replaceAll(' ', '-'),
      target,
      embed,
      report: candidate.report,
      ...(record.original && { original: record.original }),
      recipe: candidate.recipe,
      steps: candidate.steps,
    }
  }
}
