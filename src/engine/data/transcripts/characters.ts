/** Lists of the characters that a model reads, in the order of its scores. */
import path from 'node:path'
import { PareError } from '../../../contract/errors'
import type { MediaFiles } from '../media-files'
import type { ReaderContext } from '../reader'
import type { MadeLabels, RawLabels } from '../source'
import { evaluatedOutput } from '../tasks'
import { readText } from '../text-stream'
import { textLabels } from '../../tasks/transcription/texts'

/**
 * One a line, where a space is a character too; "token number" lines; a JSON list; or a JSON object between tokens and
 * numbers. Throws `data/unreadable`.
 */
export async function characterList(file: string): Promise<string[]> {
  const text = (await readText(file)).replace(/^\uFEFF/, '')
  if (path.extname(file).toLowerCase() === '.json') return ofJson(file, text)
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const numbered = lines.map((line) => /^(.+)[ \t](\d+)$/.exec(line))
  return numbered.every((match) => match !== null)
    ? inOrder(
        file,
        numbered.map(([, token, at]) => [token!, Number(at)]),
      )
    : lines
}

function ofJson(file: string, text: string): string[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new PareError('data/unreadable', { path: file, reason: 'it is not valid JSON' }, { cause })
  }
  if (Array.isArray(parsed)) return parsed.map(String)
  return inOrder(
    file,
    Object.entries(parsed as object).map(([a, b]: [string, unknown]) =>
      typeof b === 'number' ? [a, b] : [String(b), Number(a)],
    ),
  )
}

function inOrder(file: string, tokens: readonly [token: string, at: number][]): string[] {
  const list: string[] = []
  for (const [token, at] of tokens) if (at < 2 * tokens.length) list[at] = token
  const missing = Array.from({ length: tokens.length }, (_, i) => i).find((i) => list[i] === undefined)
  if (missing === undefined && list.length === tokens.length) return list
  throw new PareError('data/unreadable', {
    path: file,
    reason: `its ${tokens.length} tokens are not numbered from 0 on without a gap`,
  })
}

/**
 * The characters of texts beside pictures or sounds, where that is what is learned: scores of characters at every step
 * and a list of them. Throws `data/characters-missing` where texts are asked for and there is no list.
 */
export async function charactersFor({
  model,
  companions,
  options,
}: ReaderContext): Promise<string[] | undefined> {
  const { task, classes, output } = options
  if (task !== undefined && task !== 'transcription') return undefined
  const { name, dims } = evaluatedOutput(model, output)
  const [steps] = dims
  if (task === undefined && (dims.length !== 2 || steps === 1)) return undefined
  const list = companions.characters ?? (task && companions.classList)
  if (task === undefined && list === undefined) return undefined
  if (classes) return [...classes]
  if (list !== undefined) return characterList(list)
  throw new PareError('data/characters-missing', {
    output: name,
    scores: String(dims.at(-1) ?? 'any number of'),
  })
}

/** Texts instead of the names of classes. */
export function asTexts(
  labels: MediaFiles['labels'],
  characters: readonly string[] | undefined,
): RawLabels | undefined {
  if (!characters || labels?.kind !== 'names') return labels
  const texts = Array.from(labels.of, (at) => labels.names[at] ?? '')
  const made: MadeLabels = {
    kind: 'made',
    task: 'transcription',
    names: characters,
    ordered: true,
    reason: `texts, and a list of ${characters.length} characters`,
    make: async (indices) => textLabels(indices.map((i) => texts[i]!)),
  }
  return made
}
