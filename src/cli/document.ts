/** The one way a command prints JSON: what it is, by which Pare, when, where and on which data, then what was found. */
import os from 'node:os'
import { version } from '../../package.json'
import { madeNow, schemaId, type DocumentKind } from '../contract/documents'
import { printJson } from './output'
import type { Session } from './session'

const headOf = (kind: DocumentKind): object => ({ schema: schemaId(kind), ...madeNow(version, os) })

/** Names the data that the command has read, where it has, and what there is to doubt of it. */
export async function printDocument(session: Session, kind: DocumentKind, body: object): Promise<void> {
  const { read, doubts } = session
  const data =
    read?.data.path === undefined ? undefined : await session.run('describeData', read, 'describing the data')
  printJson({ ...headOf(kind), ...(data && { data }), ...(doubts.length > 0 && { doubts }), ...body })
}

/** What went wrong, of a command that may have no engine. */
export const printErrorDocument = (error: object): void => printJson({ ...headOf('error'), error })
