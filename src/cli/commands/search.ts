import { InvalidArgumentError, Option } from 'commander'
import fs from 'node:fs'
import path from 'node:path'
import { SearchGoal } from '../../contract/goal'
import { misses, sizeIn, trialCosts } from '../../contract/limits'
import type { CompressResult } from '../../contract/report'
import type { SearchJob, SearchResult, Trial } from '../../contract/trial'
import type { JobInput, JobOutput } from '../../service'
import {
  absolute,
  modelFile,
  examples,
  overwriteOption,
  seedOption,
  targetOption,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { checkOut, LOG_FILE, WORK_FOLDER, writeHtml } from '../../library/compressing'
import { lossText } from '../../contract/points'
import { fasterText, footprintText, sizesText, timeDetail } from '../../contract/verdict'
import { print, table } from '../output'
import { printDocument } from '../document'
import { preparedData } from '../prepared'
import type { SpecOptions } from '../data-spec'
import {
  bytesOption,
  dropOption,
  flashOption,
  latencyOption,
  numberOption,
  ramOption,
  requireLimits,
  type Judged,
  type LimitOptions,
} from '../limits'
import { engineSettings } from '../../library/work'
import { type CommonOptions, type DataOptions, type Session } from '../session'

interface SearchOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  target?: string
  minutes: number
  out: string
  resume?: boolean
  overwrite?: boolean
  seed: number
  listJobs?: boolean
  job?: number | string
  of?: number
  merge?: boolean
}

/** The size in bytes: a share of the original's file asks what that takes. */
async function goalOf(
  session: Session,
  model: string,
  { maxDrop, maxBytes: size, maxLatency, maxFlash, maxRam, target, minutes }: SearchOptions,
): Promise<JobInput<'search'>['goal']> {
  const original =
    size && 'share' in size ? await session.run('inspect', { model }, 'reading the model') : undefined
  const maxBytes = size && sizeIn(size, original?.bytes ?? 0)
  const limits = { maxDrop, maxBytes, maxLatency, maxFlash, maxRam }
  const parsed = SearchGoal.safeParse({ kind: 'search', ...limits, target, minutes })
  if (parsed.success) return { ...parsed.data, target }
  const [issue] = parsed.error.issues
  throw new InvalidArgumentError(`${issue!.path.join('.')}: ${issue!.message}`)
}

const lossOf = ({ quality, pointsLost }: Trial): string =>
  quality && pointsLost !== undefined ? lossText(quality, pointsLost) : 'quality not measured'

function say(session: Session, trial: Trial, goal: { maxBytes?: number }): void {
  const { state, recipe, reason } = trial
  const outcome = state === 'kept' ? `${sizesText(trial, goal)}, ${lossOf(trial)}` : `${state}: ${reason}`
  session.say(`  ${recipe.name}: ${outcome}`)
}

const KEY = /^[0-9a-f]{16}$/

/** A place in the list, or the key of a job. */
const jobOption = (text: string): number | string => (KEY.test(text) ? text : numberOption(text))

/**
 * Which of a round's jobs this worker takes: the one of that key or place, or every `of`-th. What is done keeps its
 * place in the list. Throws `InvalidArgumentError` for a key that is not in it.
 */
export function shareOf(jobs: readonly SearchJob[], job: number | string, of: number | undefined): string[] {
  if (typeof job === 'number')
    return jobs.filter((_, at) => (of === undefined ? at === job : at % of === job)).map(({ key }) => key)
  if (!jobs.some(({ key }) => key === job))
    throw new InvalidArgumentError(
      `there is no job “${job}” in the round that is being tried; --list-jobs shows those there are`,
    )
  return [job]
}

async function report(
  session: Session,
  options: SearchOptions,
  { result, run }: JobOutput<'search'>,
  model: string,
): Promise<void> {
  const { report: candidate, steps, files, recipe, folder } = run.candidates[0]!
  const summary: CompressResult = { original: run.original, candidate, steps, files }
  const html = await writeHtml(session, folder, path.basename(model), recipe, summary, result)
  const judged = judgedBy(result)
  const all = {
    ...summary,
    files: [...files, html, path.join(options.out, 'search.json')],
    search: result,
    ...judged,
  }
  if (options.json) await printDocument(session, 'search', all)
  else {
    print(result.explanation)
    printFront(result)
    print(`\nWritten:\n${all.files.map((file) => `  ${file}`).join('\n')}`)
  }
  requireLimits(judged)
}

/** Without a winner: what stands against the closest, be it only that other samples did not bear it out. */
function judgedBy({ goal, winner, closest }: SearchResult): Judged {
  const { maxDrop, maxBytes, maxLatency, maxFlash, maxRam } = goal
  const limits = {
    maxDrop,
    ...(maxBytes && { maxBytes }),
    ...(maxLatency && { maxLatency }),
    ...(maxFlash && { maxFlash }),
    ...(maxRam && { maxRam }),
  }
  if (winner) return { limits: { ...limits, missed: [] } }
  const missed = closest
    ? misses(goal, trialCosts(closest)).map(({ limit, sentence }) => ({ limit, sentence }))
    : []
  const unconfirmed: Judged['limits']['missed'][number] = {
    limit: 'quality',
    sentence: 'nothing that was tried is inside them, as samples kept back bear out',
  }
  return { limits: { ...limits, missed: missed.length > 0 ? missed : [unconfirmed] } }
}

function timeOf({ latencyRatio: value, latencyInterval: interval }: Trial): string {
  if (value === undefined) return 'not timed'
  return interval ? timeDetail({ value, interval }) : fasterText(value)
}

function printFront({ front, trials, goal }: SearchResult): void {
  print('\nThe trade-off, smallest download first:')
  const rows = front.map((key) => {
    const trial = trials.find((one) => one.key === key)!
    const { targetLatency, recipe } = trial
    return [
      sizesText(trial, goal),
      ...(trial.footprint ? [footprintText(trial.footprint)] : []),
      lossOf(trial),
      timeOf(trial),
      ...(targetLatency ? [`${fasterText(targetLatency.ratio)} on ${targetLatency.target} (estimate)`] : []),
      recipe.name,
    ]
  })
  print(table(rows, 'left').replace(/^/gm, '  '))
  if (front.some((key) => trials.find((one) => one.key === key)?.latencyRatio !== undefined))
    print('\nTimes are measured on this machine, in turn with the original; in brackets the 95% interval.')
  const estimate = trials.find((trial) => trial.targetLatency)?.targetLatency
  if (estimate)
    print(
      `\nTimes on ${estimate.target} are estimates from operator costs, not measurements. Figures of the device: ${estimate.source}.`,
    )
}

export const addSearch: AddCommand = (program, { session }) => {
  const command = program
    .command('search')
    .description(
      'find the smallest model within a quality floor and a budget, with proof on samples it never used',
    )
    .argument('<model>', 'an ONNX file; it is never changed', modelFile)
    .addOption(dropOption().default(1))
    .addOption(bytesOption())
    .addOption(latencyOption())
    .addOption(flashOption())
    .addOption(ramOption())
    .addOption(targetOption())
    .addOption(new Option('--minutes <n>', 'time limit').argParser(numberOption).default(30))
    .requiredOption(
      '--out <dir>',
      'folder for the model, its reports and search.json; with nothing inside the limits, what comes closest goes to closest/ in it',
      absolute,
    )
    .addOption(overwriteOption('result'))
    .addOption(seedOption())
    .option('--resume', 'go on with an earlier search in that folder; finished trials are not repeated')
    .option(
      '--list-jobs',
      'print the jobs of the round that is being tried as JSON, for a scheduler to spread',
    )
    .addOption(
      new Option(
        '--job <n>',
        'try the job with this key or in this place of that list (from 0), or with --of every m-th from n',
      ).argParser(jobOption),
    )
    .addOption(new Option('--of <m>', 'number of workers that share the list').argParser(numberOption))
    .option('--merge', 'conclude what the jobs found; says what is left to try when there is more')
  withRuntimeOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare search model.onnx --data digits/ --max-drop 0.5 --out best/',
        'pare search model.onnx --data digits/ --max-bytes 25% --max-latency 0.5x --minutes 10 --out best/ --json',
        'pare search model.onnx --data bearing/ --target cortex-m0plus --max-flash 64KB --max-ram 32KB --out best/',
        'pare search model.onnx --data digits/ --out best/ --list-jobs',
        'pare search model.onnx --data digits/ --out best/ --job 2 --of 4',
        'pare search model.onnx --data digits/ --out best/ --merge',
      ),
    )
    .action(async (model: string, options: SearchOptions) => {
      const spread = options.listJobs || options.job !== undefined || options.merge
      const folder = path.join(options.out, WORK_FOLDER)
      if (!spread || options.merge)
        checkOut(options.out, model, Boolean(options.overwrite || options.resume || options.merge))
      const request: JobInput<'search'> = {
        model,
        data: await preparedData(session, model, options),
        settings: engineSettings(options),
        folder,
        goal: await goalOf(session, model, options),
        seed: options.seed,
        resume: Boolean(options.resume || spread),
        into: options.out,
      }
      fs.mkdirSync(folder, { recursive: true })
      if (!session.log.opened) session.log.open(path.join(folder, LOG_FILE))
      const listen = (event: Parameters<NonNullable<Parameters<Session['run']>[3]>>[0]): void => {
        if (event.event === 'trial') say(session, event.data.trial, request.goal)
      }
      if (options.listJobs)
        return printDocument(session, 'jobs', {
          jobs: await session.run('searchList', { ...request, worker: 'list' }, 'listing the jobs'),
        })
      if (options.job !== undefined) {
        const worker = String(options.job)
        const list = await session.run('searchList', { ...request, worker }, 'listing the jobs')
        const share = { worker, keys: shareOf(list, options.job, options.of) }
        const tried = await session.run('searchStep', { ...request, share }, 'trying recipes', listen)
        return options.json
          ? printDocument(session, 'tried', { tried })
          : print(`${tried.length} of ${list.length} jobs were tried.`)
      }
      if (!options.merge)
        return report(session, options, await session.run('search', request, 'searching', listen), model)
      const merged = await session.run('searchMerge', { ...request, worker: 'merge' }, 'merging')
      if ('result' in merged) return report(session, options, merged, model)
      if (options.json) return printDocument(session, 'left', merged)
      print(
        `${merged.left.length} jobs are left to try: run them as before (--list-jobs shows them), then merge again.`,
      )
    })
}
