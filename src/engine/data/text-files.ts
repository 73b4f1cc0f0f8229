/** Reads JSONL (or a JSON list) of records: texts, token ids, or arrays by key. */
import { concatSources } from './concat'
import { jsonRecords } from './json-lines'
import type { Reader } from './reader'
import { recordSource } from './records'
import type { Source } from './source'

export const readText: Reader = async (place, context) => {
  const sources: Source[] = []
  for (const file of place.files)
    sources.push(await recordSource(file, (signal) => jsonRecords(file, signal), context))
  return [{ source: concatSources(sources) }]
}
