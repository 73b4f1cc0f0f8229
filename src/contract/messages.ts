/** The one table from error data to sentences: what happened, where, and what to do. */
import type { ErrorData } from './errors'
import { baseName, formatBytes, list } from './format'
import type { ErrorMessage, Messages } from './message'
import { MODEL_MESSAGES } from './model-messages'
import { OUTPUT_MESSAGES } from './output-messages'

const NEEDS_PLACE =
  'Free some space on that disk, or choose another place, and go on: finished steps are kept.'

/** The system does not always tell which file it could not write. */
const aFile = (path: string): string => (path ? `“${baseName(path)}”` : 'a file')

/** What a file of each kind held. */
const SET_ASIDE: Record<string, string> = {
  project: 'a project',
  settings: 'the settings',
  queue: 'the runs that wait',
  file: 'where a file of a project lies',
}

const TABLE: Messages = {
  ...MODEL_MESSAGES,
  ...OUTPUT_MESSAGES,
  'data/not-found': ({ path }) => ({
    title: 'Not found',
    what: `There is nothing at “${path}”.`,
    where: path,
    todo: 'Check the path; if the data lies on a drive that was removed, connect it again.',
  }),
  'data/gone': ({ path }) => ({
    title: 'The data has changed',
    what: `“${baseName(path)}” is no longer what it was when Pare began to work with it: it was changed, moved or deleted.`,
    where: path,
    todo: 'Put it back, or open the data again, and go on: finished steps are kept.',
  }),
  'data/unreadable': ({ path, reason }) => ({
    title: 'The data cannot be read',
    what: `“${baseName(path)}” could not be read: ${reason}.`,
    where: path,
    todo: 'Check that the file opens in another program and that you may read it, then try again.',
  }),
  'data/unrecognised': ({ path, expected }) => ({
    title: 'The data is not recognised',
    what: `“${baseName(path)}” is not a dataset Pare knows. Expected: ${expected}.`,
    where: path,
    todo: 'Use a folder with one sub-folder of images per class, an NPZ or NPY file, CSV, TSV, Parquet, JSONL text or WAV files.',
  }),
  'data/empty': ({ path }) => ({
    title: 'No samples found',
    what: `There are no samples in “${baseName(path)}”.`,
    where: path,
    todo: 'Choose a folder or file that holds at least one sample.',
  }),
  'data/shape-mismatch': ({ input, expected, got }) => ({
    title: 'The data does not fit the model',
    what: `The model's input “${input}” wants ${expected}; the data gives ${got}.`,
    where: input,
    todo: 'Choose data of the right shape, or change the preprocessing so that it becomes that shape.',
  }),
  'data/characters-missing': ({ output, scores }) => ({
    title: 'It is not clear which characters the model reads',
    what: `The labels are texts, and the model's output “${output}” has ${scores} scores at every step, but no list says which character each stands for.`,
    where: output,
    todo: 'Put the list beside the data as characters.txt, one a line in the order of the scores, or as vocab.json; or name them as “classes” in the data spec.',
  }),
  'data/labels-out-of-range': ({ label, classes }) => ({
    title: 'A label does not fit the model',
    what: `The label “${label}” is not among the ${classes} classes the model answers with.`,
    where: label,
    todo: 'Check that labels are counted from 0 and that the dataset has the same classes as the model.',
  }),
  'data/spec': ({ reason }) => ({
    title: 'The data spec does not fit',
    what: `How the data shall be read cannot be done: ${reason}.`,
    where: '',
    todo: 'Change the data spec or the options beside it; `pare data` writes one that fits.',
  }),
  'data/label-unclear': ({ path, columns }) => ({
    title: 'It is not clear which column holds the labels',
    what: `In “${baseName(path)}” the labels could be ${list(columns.map((name) => `“${name}”`))}, and the model answers none of these clearly better than by guessing.`,
    where: path,
    todo: 'Say which with --label, or call that column “label”.',
  }),
  'data/one-class': ({ by }) => ({
    title: 'All samples have the same label',
    what: `${by} learns from labels, and every training sample carries the same one.`,
    where: 'the labels of the training data',
    todo: 'Add samples of the other classes, or use distillation, which learns from the original model.',
  }),
  'data/labels-missing': ({ by }) => ({
    title: 'Labels are needed',
    what: `${by} needs samples with labels; this data has none.`,
    where: by,
    todo: 'Add labels to the data (class folders, a label column), or choose something that works without.',
  }),
  'data/split-missing': ({ split, by }) => ({
    title: 'A part of the data is missing',
    what: `${by} needs ${split} samples, and there are none.`,
    where: split,
    todo: `Give data with a ${split} part, or change how the samples are split.`,
  }),
  'pass/unknown': ({ pass, known }) => ({
    title: 'No such pass',
    what: `There is no pass called “${pass}”.`,
    where: pass,
    todo: known.length ? `Use one of: ${list(known, 40)}.` : 'See the list of passes.',
  }),
  'target/unknown': ({ target, known }) => ({
    title: 'No such target',
    what: `There is no target called “${target}”.`,
    where: target,
    todo: `Use one of: ${list(known, 40)}.`,
  }),
  'recipe/unknown': ({ recipe, known }) => ({
    title: 'No such recipe',
    what: `“${recipe}” is neither a preset nor a recipe file.`,
    where: recipe,
    todo: `Use one of the presets ${list(known, 40)}, the path of a recipe file, or one pass by “--pass”.`,
  }),
  'plugin/failed': ({ plugin, reason }) => ({
    title: 'A plug-in cannot be used',
    what: `“${baseName(plugin)}”: ${reason}.`,
    where: plugin,
    todo: 'Correct it, or go on without it: what it brings is in no recipe of Pare’s own.',
  }),
  'pass/bad-parameter': ({ pass, parameter, reason }) => ({
    title: 'A parameter is not right',
    what: `${pass} does not accept its parameter “${parameter}”: ${reason}.`,
    where: `${pass} · ${parameter}`,
    todo: 'Correct the value; the help of the pass names its range and default.',
  }),
  'pass/failed': ({ pass, node, reason }) => ({
    title: 'A pass failed',
    what: `${pass} could not be done: ${reason}.`,
    where: node || pass,
    todo: 'Leave this layer or this pass out and run again; what was finished before is kept.',
  }),
  'pass/broke-model': ({ pass, reason }) => ({
    title: 'A pass was undone',
    what: `The model no longer worked after ${pass}: ${reason}. Its result was thrown away.`,
    where: pass,
    todo: 'Leave this pass out or change its parameters. Please report it with the model if you may share it.',
  }),
  'recipe/order': ({ pass, after }) => ({
    title: 'Passes work against each other',
    what: `${pass} comes after ${after}: it finds little left to work on, or undoes it.`,
    where: pass,
    todo: `Move ${pass} before ${after}.`,
  }),
  'recipe/invalid': ({ file, reason }) => ({
    title: 'The recipe is not valid',
    what: `“${baseName(file)}” is not a recipe Pare can read: ${reason}.`,
    where: file,
    todo: 'Correct the file, or make the recipe in the window and export it from there.',
  }),
  'limits/missed': ({ missed }) => ({
    title: 'Over the limits',
    what: `The result is not inside the limits that were set: ${missed.join('; ')}.`,
    where: '',
    todo: 'Use another recipe, search for one that keeps the limits, or loosen them.',
  }),
  'limits/no-board': ({ target, known }) => ({
    title: 'No microcontroller',
    what: `Flash and RAM are limited, but “${target}” is no microcontroller: nothing can be counted there.`,
    where: '',
    todo: `Choose one of these targets: ${known.join(', ')}.`,
  }),
  'search/out-of-time': ({ minutes, tried }) => ({
    title: 'The time was not enough',
    what: `The limit of ${minutes} minutes ended before a recipe could be judged (${tried} were tried).`,
    where: '',
    todo: 'Give the search more time; what was measured is kept, and it can go on from there.',
  }),
  'search/nothing-kept': ({ tried, reason }) => ({
    title: 'No recipe worked',
    what:
      tried === 0
        ? 'The search was stopped before it had tried a recipe.'
        : `None of the ${tried} recipes tried gave a model worth judging. Most often: ${reason}.`,
    where: '',
    todo:
      tried === 0
        ? 'Let it run for longer; it goes on from where it was.'
        : 'Look at what the model holds with “pare inspect”, or try one technique alone: its step says more.',
  }),
  'run/busy': ({ folder, holder, since }) => ({
    title: 'Another run is going on there',
    what: `“${baseName(folder)}” is in use by ${holder}, since ${since}.`,
    where: folder,
    todo: 'Wait until it has ended, or choose another folder. Where nothing runs there any more, on a machine that Pare cannot ask say, delete “lock.json” in it.',
  }),
  'provider/unavailable': ({ provider, reason }) => ({
    title: 'This device cannot be used',
    what: `${provider} does not work on this machine: ${reason}.`,
    where: provider,
    todo: 'The CPU is used instead; it always works. Choose it in the settings to make this message go away.',
  }),
  'engine/crashed': ({ exit, during }) => ({
    title: 'The engine stopped unexpectedly',
    what: `The process that does the work ended (${exit})${during ? ` during: ${during}` : ''}. It was started again and your files are safe.`,
    where: during,
    todo: 'Resume the run: it goes on from the last finished pass. If it stops at the same place again, leave that pass out.',
  }),
  'engine/out-of-memory': ({ during }) => ({
    title: 'Not enough memory',
    what: `The memory of this machine was not enough${during ? ` for: ${during}` : ''}. Your files are safe.`,
    where: during,
    todo: 'Close other programs, use fewer samples or a smaller batch, and resume from the last finished pass.',
  }),
  'limit/memory': ({ what, needed, budget }) => ({
    title: 'More memory than Pare may use',
    what: `This would need ${formatBytes(needed)} of memory, and Pare may use ${formatBytes(budget)}: ${what}.`,
    where: what,
    todo: 'Close other programs, or allow more memory in the settings (on the command line: --memory).',
  }),
  'limit/disk': ({ what, needed, budget, path }) => ({
    title: 'More disk space than Pare may use',
    what: `This would write ${formatBytes(needed)}, and Pare takes at most half of what is free (${formatBytes(budget)}): ${what}.`,
    where: path,
    todo: 'Free some space on that disk, or give a smaller file.',
  }),
  'disk/full': ({ path, needed }) => ({
    title: 'The disk is full',
    what: `There is no room to write ${aFile(path)}${needed > 0 ? `, which needs ${formatBytes(needed)}` : ''}.`,
    where: path,
    todo: NEEDS_PLACE,
  }),
  'disk/denied': ({ path }) => ({
    title: 'Not allowed',
    what: `You may not read or write ${aFile(path)} there.`,
    where: path,
    todo: 'Choose another folder, or change the permissions of this one.',
  }),
  'disk/failed': ({ path, reason }) => ({
    title: 'The disk reported an error',
    what: `${path ? aFile(path) : 'A file'} could not be written or read: ${reason}.`,
    where: path,
    todo: 'Check the disk or choose another place, then try again: finished steps are kept.',
  }),
  'app/set-aside': ({ kind, path, aside, reason }) => ({
    title: 'A file of Pare itself was damaged',
    what: `“${baseName(path)}”, which held ${SET_ASIDE[kind] ?? 'what Pare remembers'}, could not be read, and Pare goes on without it: ${reason}.`,
    where: aside,
    todo: 'It was set aside and not deleted. Put a good copy in its old place and start Pare again, or go on: your own files and the results of runs are untouched.',
  }),
  'app/address-used': () => ({
    title: 'This address was used already',
    what: 'The address that Pare was opened with works once, for one window.',
    where: '',
    todo: 'Start Pare again, and use the window or the address that it gives.',
  }),
  'app/connection-lost': () => ({
    title: 'The connection to Pare was lost',
    what: 'The connection to Pare was lost before it had answered. What was asked for may have been done all the same.',
    where: '',
    todo: 'Wait until this page is connected again, look, and ask again where it was not done; where it does not come back, start Pare again.',
  }),
  'export/no-form': ({ reason }) => ({
    title: 'The model cannot be exported in any of the forms asked for',
    what: reason,
    where: '',
    todo: 'Choose another target.',
  }),
  'export/not-embedded': ({ reason }) => ({
    title: 'Preprocessing cannot become part of the model',
    what: reason,
    where: '',
    todo: 'Export without it: preprocessing.json and the code in the README say how samples are prepared.',
  }),
  'export/not-reproduced': ({ sample, input, reason }) => ({
    title: 'The bundle does not read samples as they were measured',
    what: `Sample ${sample} of the validation data, read by the bundle's own description of the preprocessing, does not give the model ${input ? `the “${input}” it was measured on` : 'anything'}: ${reason}. Nothing was written.`,
    where: input,
    todo: 'Export without data to get the model alone, and please report it with the copied details: Pare is wrong here.',
  }),
  'export/at-chance': ({ score, samples }) => ({
    title: 'The model answers like guessing',
    what: `On ${samples} raw samples of this data, read as the bundle would have it read, the model knows no more of the labels than guessing does (${score}). Nothing was written.`,
    where: '',
    todo: 'Let Pare find how the data is read (pare data, or the Data step), give the right data, or export without data.',
  }),
  'bundle/invalid': ({ path, reason }) => ({
    title: 'That is no bundle',
    what: `“${baseName(path)}” is no bundle that Pare wrote: ${reason}.`,
    where: path,
    todo: 'Give a zip or a folder that an export wrote, whole.',
  }),
  'bundle/differs': ({ path, reasons }) => ({
    title: 'The bundle is not what it was',
    what: `“${baseName(path)}” is not what it says of itself: ${reasons.join(' ')}`,
    where: path,
    todo: 'Export it anew, or fetch it again.',
  }),
  'export/exists': ({ path }) => ({
    title: 'There is something already',
    what: `“${baseName(path)}” exists already. Nothing was overwritten.`,
    where: path,
    todo: 'Choose another name, or say that it may be replaced (--overwrite).',
  }),
  'not-found': ({ what, id }) => ({
    title: 'No longer there',
    what: `This ${what} does not exist (any more).`,
    where: id,
    todo: 'Go back and choose another one.',
  }),
  'bad-request': ({ method, reason }) => ({
    title: 'That is not possible',
    what: reason,
    where: method,
    todo: 'Correct what was given and try again.',
  }),
  cancelled: ({ during }) => ({
    title: 'Cancelled',
    what: during ? `Cancelled during: ${during}.` : 'Cancelled.',
    where: during,
    todo: 'What was finished is kept. You can resume at any time.',
  }),
  internal: ({ reason }) => ({
    title: 'Something went wrong in Pare',
    what: `An unexpected error: ${reason}`,
    where: '',
    todo: 'Try again. If it happens again, please report it with the copied details.',
  }),
}

/** What happened, where, and what to do, in plain words. */
export function errorMessage(error: ErrorData): ErrorMessage {
  const write = TABLE[error.code] as ((error: ErrorData) => ErrorMessage) | undefined
  // A newer engine than this table: still a sentence, never nothing.
  if (!write) return TABLE.internal({ code: 'internal', reason: JSON.stringify(error) })
  let message: ErrorMessage
  try {
    message = write(error)
  } catch {
    // Read from a damaged file: a field is missing that its sentence is made of.
    return TABLE.internal({ code: 'internal', reason: JSON.stringify(error) })
  }
  return { ...message, what: message.what.replace(/([.!?])[.]+$/, '$1') }
}
