/**
 * Every command that README and docs show is run as it stands, page by page in the page's order, in a folder of the page's
 * own where small models and data have the names that the page gives them. Blocks of sh in the tutorials, which work on
 * the samples themselves, are run by cli.test.ts, code in JavaScript by tarball.test.ts.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundled } from '../bundled'
import { commandIn, DOCS, shellLines, textOf, words } from './documented'
import { layOut } from './stand-ins'

const PAGES = ['README.md', 'CONTRIBUTING.md', ...DOCS]

/** Lines that are not run here, and why. */
const ELSEWHERE: Record<string, string> = {
  'npm ci && npm start': 'installs the checkout; the journeys open the window it starts',
  'npm ci && npm run package && npm install -g --ignore-scripts dist/pare-*.tgz':
    'changes what is installed on the machine; tests/tarball.test.ts installs that package in an empty folder',
  'npm install --ignore-scripts CHECKOUT/dist/pare-0.1.0.tgz':
    'asks a registry for what the package stands on; tests/tarball.test.ts puts it together from what is here',
  'npm install --ignore-scripts ./pare-0.1.0.tgz':
    'asks a registry for what the package stands on; tests/tarball.test.ts puts it together from what is here',
  'npm ci': 'changes the folder that the tests run from',
  'npm run check': 'a step of the workflow beside the tests',
  'npx vitest run tests/engine/onnx': 'tests, of which this is one',
  'npm test': 'tests, of which this is one',
  'npm run coverage': 'tests, of which this is one',
  'npm run docs': 'writes into the checkout; tests/site.test.ts makes the site',
  'npm run screenshots -- docs.shots': 'writes into the checkout, with a browser',
  'npm run bench -- quantize': 'tests/bench runs benches, as no other work may go on beside them',
  'npm run attack -- models --seconds 600': 'ten minutes; tests/attack runs short ones',
  'npm run suite -- onnx': 'models of others; tests/suite runs what it is made of',
  'npm run sbom': 'tests/supply.test.ts runs it',
}

/** What takes minutes or stays: begun, seen to be at work, and ended by Ctrl-C. */
const BEGUN: [line: RegExp, atWork: RegExp, code: number][] = [
  [/^search (?!.*--(list-jobs|job|merge))/, /\d% .*recipe/i, 130],
  [/^search .*--job/, /\d% Low-bit/, 130],
  [/^window\b/, /http:\/\/127\.0\.0\.1:\d+/, 130],
]

/** In running text, where it is whole: neither the name of a command alone nor one with words to be replaced. */
const inline = (text: string): string[] =>
  [...text.replace(/```[\s\S]*?```/g, '').matchAll(/`pare ([a-z]+ [^`…|]*)`/g)]
    .map(([, line]) => line!)
    .filter((line) => !/\b[A-Z]{2,}\b/.test(line) && !/^\w+ --[\w-]+$/.test(line))

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-executed-'))
let entry: string
beforeAll(async () => {
  entry = await bundled('cli')
})
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

async function execute(line: string, cwd: string): Promise<string> {
  const begun = BEGUN.find(([pattern]) => pattern.test(line))
  const args = words(line).map((word) => word.replace('$SLURM_ARRAY_TASK_ID', '0'))
  const env = { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: path.join(cwd, '.app') }
  const child = spawn(process.execPath, [entry, ...args], { cwd, env })
  let [out, err, stopped] = ['', '', false]
  const look = (): void => {
    if (!begun || stopped || !begun[1].test(out + err)) return
    stopped = child.kill('SIGINT')
  }
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
    look()
  })
  child.stderr.on('data', (chunk) => {
    err += String(chunk)
    look()
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  expect(code, `pare ${line}\n${out}${err}`).toBe(begun ? begun[2] : 0)
  if (begun) expect(stopped, `pare ${line} was seen at work\n${out}${err}`).toBe(true)
  const [, file] = / > (\S+)$/.exec(line) ?? []
  if (file) fs.writeFileSync(path.join(cwd, file), out)
  return out
}

/** Of a page: what is run, and lines that are not. */
function shown(page: string): { commands: string[]; others: string[] } {
  const text = textOf(page)
  const [commands, others]: string[][] = [[], []]
  for (const line of shellLines(text, page.includes('tutorials/') ? 'bash' : undefined)) {
    const wrapped = /--wrap '(?:pare )([^']*)'/.exec(line)?.[1]
    const command = wrapped ?? commandIn(line)
    if (command) commands!.push(command)
    else if (!line.startsWith('#')) others!.push(line.replace(/\s+#.*$/, ''))
  }
  return {
    commands: [...commands!, ...inline(text).filter((line) => !commands!.includes(line))],
    others: others!,
  }
}

test('what is not run is named, with a reason, and nothing more', () => {
  const others = PAGES.flatMap((page) => shown(page).others)
  expect([...new Set(others)].sort()).toEqual(Object.keys(ELSEWHERE).sort())
})

test('a bundle comes of the sample, by the one line that README and guide begin with', async () => {
  const line = commandIn(shellLines(textOf('README.md')).find((one) => one.includes('pare -- sample'))!)!
  expect(shown('docs/guide.md').commands.map((one) => words(one).join(' '))).toContain(words(line).join(' '))
  expect(await execute(line, scratch)).toContain('× smaller')
  expect(fs.existsSync(path.join(scratch, 'tried', 'bundle.zip'))).toBe(true)
})

describe.concurrent('run as they stand', () => {
  const pages = PAGES.filter((page) => shown(page).commands.length > 0)
  test.each(pages)(
    '%s',
    async (page) => {
      const folder = path.join(scratch, page.replaceAll('/', '-'))
      fs.mkdirSync(folder)
      await layOut(page, folder, (line) => execute(line, folder))
      for (const line of shown(page).commands) if (!line.startsWith('sample')) await execute(line, folder)
    },
    600_000,
  )
})
