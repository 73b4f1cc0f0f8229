/** JSON records, one per line or in one list, streamed with line numbers. Source: jsonlines.org. */
import fs from 'node:fs'
import { PareError } from '../../contract/errors'
import { readText, textStream } from './text-stream'

export interface DataRecord {
  /** For messages: "line 12", "row 12". */
  where: string
  values: Record<string, unknown>
}

const LINE_LIMIT = 64 * 2 ** 20
const LIST_LIMIT = 512 * 2 ** 20

const unreadable = (file: string, reason: string, cause?: unknown): PareError =>
  new PareError('data/unreadable', { path: file, reason }, { cause })

/** Throws `data/unreadable` naming the line. */
export async function* jsonRecords(file: string, signal?: AbortSignal): AsyncGenerator<DataRecord> {
  let number = 0
  for await (const line of lines(file)) {
    signal?.throwIfAborted()
    number++
    const text = (number === 1 ? line.replace(/^\uFEFF/, '') : line).trim()
    if (text === '') continue
    if (number === 1 && text.startsWith('[')) {
      yield* listRecords(file)
      return
    }
    yield {
      where: `line ${number}`,
      values: record(file, parse(file, text, `line ${number}`), `line ${number}`),
    }
  }
}

function parse(file: string, text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreadable(file, `${where} is not valid JSON`, cause)
  }
}

function record(file: string, value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw unreadable(file, `${where} is no JSON object such as {"text": "…", "label": "…"}`)
}

async function* listRecords(file: string): AsyncGenerator<DataRecord> {
  const { size } = await fs.promises.stat(file)
  if (size > LIST_LIMIT) throw unreadable(file, 'a JSON list this large; write one record per line (JSONL)')
  const list = parse(file, await readText(file), 'the file')
  for (const [i, value] of (list as unknown[]).entries())
    yield { where: `record ${i + 1}`, values: record(file, value, `record ${i + 1}`) }
}

async function* lines(file: string): AsyncGenerator<string> {
  let pieces: Buffer[] = []
  let waiting = 0
  for await (const chunk of (await textStream(file)) as AsyncIterable<Buffer>) {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      pieces.push(chunk.subarray(from, at))
      yield Buffer.concat(pieces).toString('utf8')
      pieces = []
      waiting = 0
      from = at + 1
    }
    pieces.push(chunk.subarray(from))
    waiting += chunk.length - from
    if (waiting > LINE_LIMIT) throw unreadable(file, `a line is longer than ${LINE_LIMIT / 2 ** 20} MB`)
  }
  if (waiting > 0) yield Buffer.concat(pieces).toString('utf8')
}
