import { Option } from 'commander'
import path from 'node:path'
import { SPLITS, type SplitName } from '../../contract/dataset'
import {
  absolute,
  modelFile,
  examples,
  markdownOption,
  targetOption,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { writeText } from '../../service'
import { print } from '../output'
import { printDocument } from '../document'
import { preparedData } from '../prepared'
import { comparisonMarkdown, comparisonText } from '../report-table'
import type { Report } from '../../contract/report'
import type { SpecOptions } from '../data-spec'
import {
  checkBoard,
  checkLimits,
  judgeReports,
  requireLimits,
  withLimitOptions,
  type Judged,
  type LimitOptions,
} from '../limits'
import { engineSettings } from '../../library/work'
import { type CommonOptions, type DataOptions } from '../session'

interface CompareOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  markdown?: string
  html?: string
  split: SplitName
  target?: string
}

export const addCompare: AddCommand = (program, { session }) => {
  const command = program
    .command('compare')
    .description('measure models against the original: the same samples, timed in turn in one process')
    .argument('<original>', 'an ONNX file, or a folder that compressing wrote', modelFile)
    .argument('<candidates...>', 'ONNX files', collected)
    .option('--html <file>', 'write the comparison as one self-contained page', absolute)
    .addOption(new Option('--split <name>', 'which samples').choices(SPLITS).default('validation'))
    .addOption(targetOption())
    .addOption(markdownOption())
  withRuntimeOptions(withDataOptions(withLimitOptions(command)))
    .addHelpText(
      'after',
      examples(
        'pare compare model.onnx small.onnx --data digits/',
        'pare compare model.onnx small.onnx smaller.onnx --data digits/ --html report.html',
        'pare compare model.onnx small.onnx --data digits/ --max-drop 0.5 --max-bytes 25% --max-latency 0.8x',
      ),
    )
    .action(async (original: string, candidates: string[], options: CompareOptions) => {
      checkLimits(options)
      await checkBoard(session, options)
      const names = namesOf(candidates)
      const input = {
        model: original,
        data: await preparedData(session, [original, ...candidates], options),
        settings: engineSettings(options),
        candidates: candidates.map((model, i) => ({ name: names[i]!, model })),
        target: options.target,
        split: options.split,
      }
      const measured = await session.run('compare', input, 'comparing')
      const columns = measured.candidates.map((report, i) => ({ name: names[i]!, report }))
      if (options.html !== undefined) {
        const page = { title: path.basename(original), original: measured.original, candidates: columns }
        writeText(options.html, await session.run('htmlReport', page, 'writing the report'))
      }
      const judged = judgeAll(options, columns, measured.original)
      if (options.markdown !== undefined)
        writeText(options.markdown, comparisonMarkdown(measured.original, columns, judged))
      if (options.json) {
        await printDocument(session, 'comparison', {
          original: measured.original,
          candidate: columns[0]!.report,
          candidates: columns.map(({ name, report }) => ({ name, ...report })),
          ...(options.html && { files: [options.html] }),
          ...judged,
        })
        return requireLimits(judged)
      }
      print(comparisonText(measured.original, ...columns))
      requireLimits(judged)
    })
}

const collected = (file: string, all: readonly string[] = []): string[] => [...all, modelFile(file)]

/** The files' names, with as much of their folders as tells them apart. */
function namesOf(files: readonly string[]): string[] {
  const parts = files.map((file) => file.split(path.sep))
  const deepest = Math.max(...parts.map(({ length }) => length))
  for (let depth = 1; depth <= deepest; depth++) {
    const names = parts.map((one) => one.slice(-depth).join('/'))
    if (new Set(names).size === names.length) return names
  }
  return [...files]
}

/** What stands against any of them, by name where there are several. */
function judgeAll(
  options: CompareOptions,
  columns: readonly { name: string; report: Report }[],
  original: Report,
): Judged | undefined {
  const all = columns.flatMap(({ name, report }) => {
    const judged = judgeReports(options, report, original)
    return judged ? [{ name, limits: judged.limits }] : []
  })
  const [first] = all
  if (!first || all.length === 1) return first && { limits: first.limits }
  const missed = all.flatMap(({ name, limits }) =>
    limits.missed.map((miss) => ({ ...miss, sentence: `${name}: ${miss.sentence}` })),
  )
  return { limits: { ...first.limits, missed } }
}
