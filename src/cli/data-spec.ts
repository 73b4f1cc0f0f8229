/** What the command line says of how data is read: a file of the data spec, and options that go before it. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import path from 'node:path'
import { TASKS, type DataSpec } from '../contract/dataset'
import { readSpec } from '../service/data-spec'

export interface SpecOptions extends Pick<
  DataSpec,
  'label' | 'columns' | 'task' | 'output' | 'unused' | 'classes' | 'boxes' | 'seconds'
> {
  dataSpec?: string
  mean?: number[]
  std?: number[]
  scale?: number
  layout?: string
  channels?: { order?: string; channels?: number }
  size?: { width: number; height: number }
  resize?: string
  features?: string
  /** Rows of a window. */
  window?: number
  stride?: number
  windowLabel?: string
}

/** 0.25, or 1/255. */
export function ratioOption(text: string): number {
  const [top, bottom = '1', ...more] = text.split('/')
  const value = Number(top || NaN) / Number(bottom || NaN)
  if (more.length > 0 || !Number.isFinite(value))
    throw new InvalidArgumentError('It must be a number, such as 0.5 or 1/255.')
  return value
}

/** A whole number from 1 on. */
function countOption(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return Number(text)
}

const list = (text: string): string[] => text.split(',').map((item) => item.trim())
const ratios = (text: string): number[] => list(text).map(ratioOption)

export function columnsOption(text: string): Record<string, string> {
  return Object.fromEntries(
    list(text).map((pair) => {
      const [input, column] = pair.split('=').map((side) => side.trim())
      if (!input || !column)
        throw new InvalidArgumentError('It must be input=column, several parted by commas.')
      return [input, column]
    }),
  )
}

export function sizeOption(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d+)[x×](\d+)$/.exec(text.trim()) ?? []
  if (!width || !height) throw new InvalidArgumentError('It must be width x height, such as 224x224.')
  return { width: Number(width), height: Number(height) }
}

export function channelsOption(text: string): { order?: string; channels?: number } {
  if (text === 'rgb' || text === 'bgr') return { order: text }
  if (['1', '3', '4'].includes(text)) return { channels: Number(text) }
  throw new InvalidArgumentError('It must be rgb, bgr, or how many there are: 1, 3 or 4.')
}

export const withSpecOptions = (command: Command): Command =>
  command
    .option(
      '--data-spec <file>',
      'how the data is read, as `pare data` writes it; the options below go before it',
      (text: string) => path.resolve(text),
    )
    .option('--label <name>', 'the column or array that holds the labels')
    .option('--columns <input=name,…>', 'the columns or arrays that feed the inputs', columnsOption)
    .option(
      '--output <name>',
      'the output of the model that is judged; default: the one that fits the labels',
    )
    .option('--unused <name,…>', 'outputs that nobody uses: all others are held to the original’s', list)
    .option('--task <task>', `what is learned from the data: ${TASKS.join(', ')}, or a plug-in’s`)
    .option('--classes <name,…>', "class names in the order of the model's outputs", list)
    .option(
      '--boxes <layout>',
      'how boxes or keypoints lie in the outputs, where that is not recognised: yolov8, ssd, heatmaps …',
    )
    .option('--window <rows>', 'of a long log: rows of a sample', countOption)
    .option(
      '--stride <rows>',
      'of a long log: rows from one sample to the next; default: the window',
      countOption,
    )
    .addOption(
      new Option('--window-label <rule>', 'of a long log: which label of its rows a sample has').choices([
        'most',
        'last',
        'any',
      ]),
    )
    .option('--seconds <number>', 'from one sample to the next, for false alarms an hour', ratioOption)
    .option('--scale <number>', 'what raw numbers are multiplied by, such as 1/255', ratioOption)
    .option('--mean <number,…>', 'what is taken off after that, in all or by channel', ratios)
    .option('--std <number,…>', 'what they are divided by at last, in all or by channel', ratios)
    .addOption(new Option('--layout <layout>', 'of pictures').choices(['nchw', 'nhwc', 'flat']))
    .option(
      '--features <convention>',
      'of sounds: what is heard of them, as librosa, torchaudio, kaldi, whisper … compute it',
    )
    .option('--channels <channels>', 'of pictures: rgb, bgr, or how many: 1, 3 or 4', channelsOption)
    .option('--size <width x height>', 'of pictures, as the model takes them', sizeOption)
    .addOption(
      new Option('--resize <how>', 'of pictures').choices([
        'stretch',
        'shortest-side-then-crop',
        'letterbox',
      ]),
    )

/** What the options say, laid over the file they name; undefined where they say nothing. */
export function specOf(options: SpecOptions): DataSpec | undefined {
  const {
    dataSpec,
    label,
    columns,
    task,
    output,
    unused,
    classes,
    boxes,
    seconds,
    window: length,
    stride,
    windowLabel,
    mean,
    std,
    scale,
    layout,
    channels,
    size,
    resize,
    features,
  } = options
  const named = (fields: object): object =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  const preprocessing = named({ mean, std, scale, layout, resize, features, ...channels, ...size })
  const window = named({ length, stride, label: windowLabel })
  const cut = Object.keys(window).length > 0 ? { window } : {}
  const said = named({ label, columns, task, output, unused, classes, boxes, seconds, ...cut })
  if (dataSpec === undefined && Object.keys({ ...said, ...preprocessing }).length === 0) return undefined
  const file = dataSpec === undefined ? {} : readSpec(dataSpec)
  const all = { ...file.preprocessing, ...preprocessing }
  return { ...file, ...said, ...(Object.keys(all).length > 0 && { preprocessing: all }) }
}
