/** Exports: a plan with true sizes, and the bundle itself as a folder or a zip. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import type { BundlePlan } from '../../contract/project'
import { temporaryFolder } from '../onnx/temporary'
import { checkDestination, clearLeftovers, placeFolder, placeZip, stagingFolder } from './archive'
import { stage, type BundleRequest, type Staged } from './stage'

export type { BundleRequest } from './stage'

interface ExportDestination {
  form: 'zip' | 'folder'
  /** The zip file or the folder. */
  out: string
  /** Replaces an earlier bundle; never anything else. */
  overwrite?: boolean
}

interface ExportedFile {
  name: string
  bytes: number
  /** As an entry of the zip. */
  compressedBytes: number
}

export interface Exported {
  /** Absolute. */
  path: string
  files: ExportedFile[]
  /** Size of the zip, or of the folder's files. */
  bytes: number
  /** The model's own entries in the zip. */
  downloadBytes: number
}

/** What the bundle would hold: it is made in a temporary folder and measured. Throws what `stage` throws. */
export async function planBundle(request: BundleRequest): Promise<BundlePlan> {
  const folder = temporaryFolder('plan')
  try {
    return (await cancellable(request, folder)).plan
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes the bundle. Throws `export/exists` first of all, then what `stage` throws, `disk/*`. */
export async function exportBundle(
  request: BundleRequest,
  destination: ExportDestination,
): Promise<Exported> {
  const { form, overwrite = false } = destination
  const out = path.resolve(destination.out)
  clearLeftovers(out)
  checkDestination(out, form, overwrite)
  const folder = stagingFolder(out)
  try {
    const { plan } = await cancellable(request, folder)
    const names = plan.entries.map(({ name }) => name)
    request.progress?.(0.9, 'Putting it in place')
    request.same?.()
    checkDestination(out, form, overwrite)
    if (form === 'zip') await placeZip(folder, names, out, request.signal)
    else placeFolder(folder, out)
    request.progress?.(1, 'Exported')
    return {
      path: out,
      files: plan.entries.map(({ name, bytes, downloadBytes }) => ({
        name,
        bytes,
        compressedBytes: downloadBytes,
      })),
      bytes: form === 'zip' ? fs.statSync(out).size : plan.bytes,
      downloadBytes: plan.downloadBytes,
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function cancellable(request: BundleRequest, folder: string): Promise<Staged> {
  try {
    return await stage(request, folder)
  } catch (cause) {
    if (request.signal?.aborted) throw new PareError('cancelled', { during: 'writing the bundle' }, { cause })
    throw cause
  }
}
