import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { diskError, errorData, onDisk, PareError } from '../../src/contract/errors'
import { errorMessage } from '../../src/contract/messages'

const system = (code: string, syscall: string, at?: string): Error =>
  Object.assign(new Error(`${code}: why, ${syscall}`), { code, syscall, ...(at && { path: at }) })

test('a fault of the file system that nobody named is coded with its file', () => {
  const missing = path.join(os.tmpdir(), 'there-is-no-such-folder', 'file')
  try {
    fs.writeFileSync(missing, '')
    expect.unreachable()
  } catch (thrown) {
    expect(errorData(thrown)).toMatchObject({ code: 'disk/failed', path: missing })
  }
  expect(errorData(system('EACCES', 'scandir', '/home/x'))).toEqual({ code: 'disk/denied', path: '/home/x' })
})

test('where the system does not say which file, neither does the sentence', () => {
  const said = [system('ENOSPC', 'write'), system('EROFS', 'fsync'), system('EIO', 'read')].map(
    (thrown) => errorMessage(errorData(thrown)).what,
  )
  expect(said).toEqual([
    'There is no room to write a file.',
    'You may not read or write a file there.',
    'A file could not be written or read: EIO: why, read.',
  ])
})

test.each([system('EPIPE', 'write'), system('ENOENT', 'spawn gcc'), system('ESRCH', 'kill')])(
  '%s is about no file',
  (thrown) => expect(errorData(thrown).code).toBe('internal'),
)

test('a door gives the file its name, and lets pass what is no fault of the disk', () => {
  const fails = (thrown: Error) => () =>
    onDisk('/run/a', () => {
      throw thrown
    })
  expect(fails(system('EDQUOT', 'write'))).toThrow(
    expect.objectContaining({ data: { code: 'disk/full', path: '/run/a', needed: 0 } }),
  )
  const bug = new TypeError('x is undefined')
  expect(fails(bug)).toThrow(bug)
  const own = new PareError('data/empty', { path: '/a' })
  expect(diskError(own, '/b')).toBe(own)
  expect(onDisk('/run/a', () => 7)).toBe(7)
})
