import { InvalidArgumentError, Option } from 'commander'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { onDisk, PareError } from '../../contract/errors'
import type { TargetCheck } from '../../contract/project'
import { compressInto } from '../../library/compressing'
import { writeBundle } from '../../library/exporting'
import { engineSettings } from '../../library/work'
import type { JobOutput } from '../../service'
import {
  absolute,
  examples,
  seedOption,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { sayStep } from '../compressing'
import type { SpecOptions } from '../data-spec'
import { printDocument } from '../document'
import { checkLine, print } from '../output'
import { preparedData } from '../prepared'
import type { CommonOptions, DataOptions, Session } from '../session'

interface VerifyOptions extends CommonOptions, DataOptions, SpecOptions {
  rebuild?: boolean
  original?: string
  target?: string
  seed: number
}

type Verified = JobOutput<'verifyBundle'>

/** Makes the bundle again, in a folder of its own, and compares the models byte by byte, by their hashes. */
async function rebuilt(
  session: Session,
  { name, target, recipe, models, embedded }: Verified,
  options: VerifyOptions,
): Promise<TargetCheck[]> {
  const { original: model, seed } = options
  const madeFor = options.target ?? target
  if (model === undefined) throw new InvalidArgumentError('--rebuild needs --original.')
  if (!recipe)
    return [{ ok: false, severity: 'error', message: 'It names no recipe, so it cannot be made again.' }]
  const folder = onDisk(os.tmpdir(), () => fs.mkdtempSync(path.join(os.tmpdir(), 'pare-verify-')))
  try {
    const data = await preparedData(session, model, options)
    const settings = engineSettings(options)
    const input = { model, data, settings, recipe, target: madeFor, seed, resume: false }
    const out = path.join(folder, name)
    const { candidate } = await compressInto(session, { ...input, out }, sayStep(session))
    const { record } = await session.run('record', { model: candidate.path }, 'reading the record')
    const again = path.join(folder, 'bundle')
    await writeBundle(session, {
      model: candidate.path,
      data,
      settings,
      target,
      out: again,
      overwrite: false,
      embed: embedded,
      record,
    })
    const made = await session.run('verifyBundle', { bundle: again }, 'reading what was made')
    return models.map(({ file, sha256, orderedBy }) => {
      if (made.models.find((one) => one.file === file)?.sha256 === sha256)
        return { ok: true, severity: 'info', message: `${file} comes out the same, byte by byte.` }
      // The golden samples have been held against it.
      if (orderedBy)
        return {
          ok: true,
          severity: 'info',
          message: `${file} is written in another order each time by ${orderedBy}: its answers tell, not its bytes.`,
        }
      const reason = 'other data, another seed, another version or another kind of processor'
      return { ok: false, severity: 'error', message: `${file} comes out otherwise: ${reason}.` }
    })
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

export const addVerify: AddCommand = (program, { session }) => {
  const command = program
    .command('verify')
    .description(
      'hold a bundle against what it says of itself: hashes, golden samples, on request its making',
    )
    .argument('<bundle>', 'a .zip file or a folder that `pare export` wrote', absolute)
    .option('--rebuild', 'make it again from --original, --data and its recipe, and compare the bytes')
    .addOption(new Option('--original <model>', 'what it was made of; for --rebuild').argParser(absolute))
    .addOption(
      new Option(
        '--target <name>',
        'what it was compressed for; for --rebuild (default: what it was exported for)',
      ),
    )
    .addOption(seedOption())
  withRuntimeOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare verify bundle.zip',
        'pare verify bundle.zip --json',
        'pare verify bundle.zip --rebuild --original model.onnx --data digits/',
      ),
    )
    .action(async (bundle: string, options: VerifyOptions) => {
      if (options.rebuild && options.original === undefined)
        throw new InvalidArgumentError('--rebuild needs --original.')
      const verified = await session.run('verifyBundle', { bundle }, 'verifying the bundle')
      const checks = [
        ...verified.checks,
        ...(options.rebuild ? await rebuilt(session, verified, options) : []),
      ]
      const wrong = checks.filter(({ ok, severity }) => !ok && severity === 'error')
      const { name, target, models } = verified
      if (options.json)
        await printDocument(session, 'verification', { path: bundle, name, target, models, checks })
      else for (const check of checks) print(checkLine(check))
      if (wrong.length > 0)
        throw new PareError('bundle/differs', { path: bundle, reasons: wrong.map(({ message }) => message) })
    })
}
