/** The one way a command prints JSON: what it is, by which Pare, when, where and on which data, then what was found. */
import os from 'node:os'
import { version } from '../../package.json'
import { schemaId, type DocumentKind } from '../contract/documents'
import { printJson } from './output'
import type { Session } from './session'

function machine(): object {
  const cpus = os.cpus()
  return {
    system: `${os.type()} ${os.release()}`,
    architecture: os.arch(),
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryBytes: os.totalmem(),
  }
}

const headOf = (kind: DocumentKind): object => ({
  schema: schemaId(kind),
  pare: version,
  date: new Date().toISOString(),
  machine: machine(),
})

/** Names the data that the command has read, where it has. */
export async function printDocument(session: Session, kind: DocumentKind, body: object): Promise<void> {
  const { read } = session
  const data =
    read?.data.path === undefined ? undefined : await session.run('describeData', read, 'describing the data')
  printJson({ ...headOf(kind), ...(data && { data }), ...body })
}

/** What went wrong, of a command that may have no engine. */
export const printErrorDocument = (error: object): void => printJson({ ...headOf('error'), error })
