/** The package as it is published, unpacked in an empty folder beside its runtime dependencies alone. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dependencies, scripts } from '../package.json'
import lock from '../package-lock.json' with { type: 'json' }
import { pack, type shrinkwrapOf } from '../scripts/pack.mjs'
import { builtEntry } from './built'
import { shellLines, textOf } from './cli/documented'

const root = path.resolve(import.meta.dirname, '..')
/** Dependencies are npm's to fetch; the package itself stays this small, of which the samples are two thirds. */
const MOST_UNPACKED = 14e6

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-tarball-'))
const command = path.join(work, 'node_modules', 'pare', 'scripts', 'pare.mjs')
let packed: ReturnType<typeof pack>

beforeAll(() => {
  builtEntry('cli')
  packed = pack(work)
  const home = path.join(work, 'node_modules', 'pare')
  fs.mkdirSync(home, { recursive: true })
  execFileSync('tar', ['-xzf', path.join(work, packed.filename), '--strip-components=1', '-C', home])
  for (const [place, { dev }] of Object.entries(lock.packages as Record<string, { dev?: boolean }>)) {
    const from = path.join(root, place)
    if (place === '' || dev || place.lastIndexOf('node_modules/') > 0 || !fs.existsSync(from)) continue
    fs.mkdirSync(path.dirname(path.join(work, place)), { recursive: true })
    fs.symlinkSync(from, path.join(work, place), 'junction')
  }
})
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))

/** Where the system has them, in a network without interfaces. */
const cutOff = spawnSync('unshare', ['-rn', 'true']).status === 0
const pare = (...args: string[]) => node(command, ...args)
const node = (...args: string[]) => nodeIn(work, ...args)

function nodeIn(cwd: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const line = [process.execPath, '--preserve-symlinks', ...args]
  const [program, ...rest] = cutOff ? ['unshare', '-rn', ...line] : line
  return spawnSync(program!, rest, { cwd, encoding: 'utf8' })
}

test('it holds what runs, and nothing else', () => {
  const tops = new Set(packed.files.map(({ path: file }) => file.split('/')[0]))
  expect([...tops].sort()).toEqual(
    [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'examples',
      'npm-shrinkwrap.json',
      'out',
      'package.json',
      'resources',
      'scripts',
    ].filter((name) => tops.has(name)),
  )
  expect(packed.files.filter(({ path: file }) => /\.(node|dll|dylib|so(\.\d+)*)$/.test(file))).toEqual([])
  expect(packed.unpackedSize).toBeLessThan(MOST_UNPACKED)
})

test('the image is made of it: what the Dockerfile takes and names is there', () => {
  const text = fs.readFileSync(path.join(root, 'Dockerfile'), 'utf8')
  const [, taken] = /^COPY dist\/(\S+) /m.exec(text)!
  expect(packed.filename).toMatch(new RegExp(`^${taken!.replaceAll('.', '\\.').replace('*', '.*')}$`))
  const named = [...text.matchAll(/\/opt\/pare\/(\S+)/g)].map(([, file]) => file!)
  expect(named).toContain('scripts/pare.mjs')
  const held = packed.files.map(({ path: file }) => file)
  expect(held).toEqual(expect.arrayContaining([...named, 'npm-shrinkwrap.json']))
})

test('npm pack in the checkout takes the same, but for the lock, and builds it first', () => {
  const line = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const told = execFileSync('npm', line, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' })
  const [plain] = JSON.parse(told) as (typeof packed)[]
  const names = ({ files }: typeof packed): string[] => files.map(({ path: file }) => file).sort()
  expect(names(plain!)).toEqual(names(packed).filter((file) => file !== 'npm-shrinkwrap.json'))
  for (const [, script] of scripts.prepack.matchAll(/node (\S+)/g))
    expect(fs.existsSync(path.join(root, script!)), script).toBe(true)
  expect(scripts.prepack).toContain('scripts/build.mjs')
})

test('what it stands on is locked to the last package, with its hash, and holds no tools', () => {
  const file = path.join(path.dirname(path.dirname(command)), 'npm-shrinkwrap.json')
  const { packages } = JSON.parse(fs.readFileSync(file, 'utf8')) as ReturnType<typeof shrinkwrapOf>
  const { '': own, ...others } = packages
  const packedJson = JSON.parse(
    fs.readFileSync(path.join(path.dirname(file), 'package.json'), 'utf8'),
  ) as object
  // What `npm ci` wants to agree.
  for (const asked of [own, packedJson]) {
    expect(asked).toMatchObject({ dependencies })
    expect(asked).not.toHaveProperty('devDependencies')
  }
  const known = lock.packages as typeof packages
  const runtime = Object.keys(known).filter((place) => place !== '' && !known[place]!.dev)
  expect(Object.keys(others).sort()).toEqual(runtime.sort())
  for (const [place, { version, integrity }] of Object.entries(others)) {
    expect(integrity, place).toMatch(/^sha512-/)
    expect({ version, integrity }).toEqual({
      version: known[place]!.version,
      integrity: known[place]!.integrity,
    })
  }
  expect(Object.keys(others)).toContain('node_modules/onnxruntime-common')
})

test('the command compresses a model given by a path of the caller’s folder, without network', () => {
  const sample = path.join(root, 'resources', 'samples', 'bearing')
  fs.copyFileSync(path.join(sample, 'cnn1d.onnx'), path.join(work, 'mine.onnx'))
  fs.cpSync(path.join(sample, 'data'), path.join(work, 'data'), { recursive: true })
  const made = pare('compress', 'mine.onnx', '--data', 'data', '--recipe', 'safe', '--out', 'small', '--json')
  expect(made.stderr).not.toContain('Error')
  expect(made.status).toBe(0)
  JSON.parse(made.stdout)
  const size = (file: string): number => fs.statSync(path.join(work, file)).size
  expect(size('small/model.onnx')).toBeLessThan(size('mine.onnx') / 1.9)
  expect(pare('sample', '--help').status).toBe(0)
}, 120_000)

test('the examples of the library run from the package, without network', () => {
  for (const name of ['compress', 'abort', 'plugin'])
    fs.copyFileSync(
      path.join(path.dirname(command), '..', 'examples', `${name}.mjs`),
      path.join(work, `${name}.mjs`),
    )
  const made = node('compress.mjs', 'mine.onnx', 'data', 'library')
  expect(made.stderr).toBe('')
  expect(made.stdout).toMatch(/^accuracy 0\.\d+ became 0\.\d+$/m)
  expect(pare('verify', 'library/bundle.zip').stdout).toContain(
    'model.onnx answers 3 golden samples as it did.',
  )
  const again = node('compress.mjs', 'mine.onnx', 'data', 'library')
  expect(again.stderr).toContain('export/exists: ')
  expect(again.status).toBe(1)
  expect(node('abort.mjs', 'mine.onnx', 'data', 'given-up').stdout).toContain('The search was given up')
}, 180_000)

test.each(['README.md', 'docs/library.md'])(
  'the code in %s reaches a bundle',
  (page) => {
    const folder = path.join(work, `code of ${path.basename(page, '.md')}`)
    fs.cpSync(path.join(root, 'resources', 'samples', 'car'), folder, { recursive: true })
    fs.renameSync(path.join(folder, 'car.onnx'), path.join(folder, 'model.onnx'))
    fs.writeFileSync(path.join(folder, 'code.mjs'), shellLines(textOf(page), 'js').join('\n'))
    const made = nodeIn(folder, 'code.mjs')
    expect(made).toMatchObject({ status: 0, stderr: '' })
    expect(pare('verify', path.join(folder, 'bundle.zip')).status).toBe(0)
  },
  180_000,
)

test('a plug-in brings a pass, a target, an encoding and a task, for a recipe in YAML too', () => {
  fs.writeFileSync(
    path.join(work, 'mine.yaml'),
    'name: Mine\nsteps:\n  - pass: round-to-step\n    params: { step: 0.02 }\n  - pass: quantize-weights\n    params: { method: squares, maxLoss: 100 }\n',
  )
  const line = ['compress', 'mine.onnx', '--recipe', 'mine.yaml', '--target', 'my-board', '--out', 'rounded']
  const unknown = pare(...line)
  expect(unknown.stderr).toMatch(/round-to-step|my-board/)
  expect(unknown.status).toBe(2)
  const planned = pare(...line, '--plugin', './plugin.mjs', '--dry-run', '--json')
  expect(JSON.parse(planned.stdout)).toMatchObject({
    steps: [
      { pass: 'round-to-step', problems: [] },
      { pass: 'quantize-weights', problems: [] },
    ],
  })
  const made = pare(...line, '--plugin', './plugin.mjs', '--json')
  expect(JSON.parse(made.stdout)).toMatchObject({
    steps: [
      { pass: 'round-to-step', summary: expect.stringContaining('multiples of 0.02') as string },
      { pass: 'quantize-weights' },
    ],
  })
  expect(fs.readFileSync(path.join(work, 'rounded', '.pare', 'log.txt'), 'utf8')).toContain(
    'multiples of 0.02',
  )
  expect(fs.readFileSync(path.join(work, 'rounded', 'model.onnx'), 'latin1')).toContain('squares_levels')
  const judged = ['--data', 'data', '--task', 'within-a-tenth', '--json']
  const measured = pare('evaluate', 'mine.onnx', '--plugin', './plugin.mjs', ...judged)
  expect(JSON.parse(measured.stdout)).toMatchObject({ quality: { metric: 'withinATenth' } })
  const broken = pare('targets', '--plugin', './compress.mjs')
  expect(broken.stderr).toContain('A plug-in cannot be used')
  expect(broken.status).toBe(1)
}, 180_000)

test('the window’s files are there and its server answers', async () => {
  const shell = path.join(path.dirname(path.dirname(command)), 'out', 'main', 'browser-shell.js')
  expect(fs.existsSync(shell)).toBe(true)
  const env = { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: path.join(work, 'app') }
  const child = spawn(process.execPath, ['--preserve-symlinks', command, 'window'], { cwd: work, env })
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let said = ''
      const listen = (bytes: Buffer): void => {
        said += bytes.toString()
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? []
        if (url) resolve(url)
      }
      child.stdout.on('data', listen)
      child.stderr.on('data', listen)
      child.once('exit', () => reject(new Error(said)))
    })
    const page = await fetch(address)
    expect(await page.text()).toContain('<div id="app"')
  } finally {
    child.kill()
  }
}, 60_000)

test('npm takes paths where its caller stands, also for a checkout elsewhere', () => {
  fs.copyFileSync(
    path.join(root, 'resources', 'samples', 'bearing', 'cnn1d.onnx'),
    path.join(work, 'here.onnx'),
  )
  const line = ['--prefix', root, 'run', '-s', 'pare', '--', 'inspect', 'here.onnx', '--json']
  const looked = spawnSync('npm', line, { cwd: work, encoding: 'utf8', shell: process.platform === 'win32' })
  expect(looked.stderr).toBe('')
  expect(JSON.parse(looked.stdout)).toMatchObject({ path: fs.realpathSync(path.join(work, 'here.onnx')) })
}, 60_000)
