/** An exported folder as CMake builds it. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export const hasCMake = ['cmake', 'ctest'].every(
  (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0,
)

/** What configuring, building and its tests say, up to the first that fails. */
export function cmake(source: string, ...options: string[]): string {
  const build = path.join(source, 'build')
  let text = ''
  for (const [command, ...words] of [
    ['cmake', '-S', source, '-B', build, ...options],
    ['cmake', '--build', build, '--parallel', '2'],
    // Its --test-dir is younger than what the file asks for.
    ['cmake', '-E', 'chdir', build, 'ctest'],
  ]) {
    const { status, stdout, stderr } = spawnSync(command!, words, { encoding: 'utf8' })
    text += `${stdout}${stderr}`
    if (status !== 0) break
  }
  return text
}

export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-cmake-'))
  try {
    await work(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
