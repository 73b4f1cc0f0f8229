/** The docs make a site, by what `npm run docs` runs: every page, every type of the library, a search, and nothing from elsewhere. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bringAlong, faultsOf } from '../docs/.vitepress/links'

const root = path.resolve(import.meta.dirname, '..')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-site-'))
const site = path.join(folder, 'site')
const read = (name: string): string => fs.readFileSync(path.join(site, name), 'utf8')
/** Without a network, where a namespace can be made. */
const apart = spawnSync('unshare', ['-rn', 'true']).status === 0 ? ['unshare', '-rn'] : []
function run(tool: string, ...args: string[]): void {
  const [program, ...line] = [...apart, process.execPath, path.join(root, 'node_modules', tool), ...args]
  execFileSync(program!, line, { cwd: root, stdio: 'pipe' })
}

beforeAll(() => {
  // It ends with a fault where a type is used that the library does not export, or a link in a comment leads nowhere.
  run('typedoc/bin/typedoc', '--options', 'docs/typedoc.json')
  run('vitepress/bin/vitepress.js', 'build', 'docs', '--outDir', site)
}, 300_000)
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

test('it begins with the window, still and moving', () => {
  const home = read('index.html')
  expect(home).toContain('src="./docs/pictures/compare.png"')
  expect(home).toMatch(/src="\.\/assets\/window\.[\w-]+\.webp"/)
  expect(fs.existsSync(path.join(site, 'docs/pictures/compare.png'))).toBe(true)
})

test('every page of the docs is there', () => {
  const pages = fs
    .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && name !== 'index.md')
  expect(pages.length).toBeGreaterThan(60)
  expect(
    pages.filter((name) => !fs.existsSync(path.join(site, 'docs', name.replace(/\.md$/, '.html')))),
  ).toEqual([])
})

test('the reference has all that the library exports', () => {
  const names = [
    ...fs
      .readFileSync(path.join(root, 'src/index.ts'), 'utf8')
      .matchAll(/^export (?:type |const )?\{([^}]*)\}/gm),
  ].flatMap(([, list]) =>
    list!
      .split(',')
      .map((name) => name.replace(/\btype\b/, '').trim())
      .filter(Boolean),
  )
  expect(names).toEqual(expect.arrayContaining(['compress', 'definePass', 'PareError', 'Report', 'z']))
  const index = read('docs/reference/index.html')
  expect(names.filter((name) => name !== 'z' && !index.includes(`>${name}</a>`))).toEqual([])
})

test('its search finds sections by their words, without a server', () => {
  const chunks = path.join(site, 'assets', 'chunks')
  const name = fs.readdirSync(chunks).find((one) => one.startsWith('@localSearchIndex'))!
  const text = fs.readFileSync(path.join(chunks, name), 'utf8')
  expect(text).toContain('docs/passes.html#quantize-static')
  expect(text).toContain('docs/reference/interfaces/CompressOptions.html')
})

test('nothing is dead or from elsewhere, and what is would be seen', () => {
  expect(faultsOf(site)).toEqual([])
  const small = path.join(folder, 'small')
  fs.mkdirSync(small)
  fs.writeFileSync(path.join(small, 'a.css'), '@font-face{src:url(https://fonts.example/a.woff2)}')
  fs.writeFileSync(
    path.join(small, 'a.html'),
    '<a href="./b.html">b</a><a href="#here">c</a><p id="there"><a href="./a.html#there">d</a><a href="https://example.org">e</a><script src="//cdn.example/a.js"></script><a class="x" href="LICENSE">f</a>',
  )
  bringAlong(root, small)
  expect(fs.existsSync(path.join(small, 'LICENSE'))).toBe(true)
  expect(faultsOf(small)).toEqual([
    'a.html: there is no ./b.html',
    'a.html: there is no #here',
    'a.html: loads //cdn.example/a.js',
    'a.css: loads https://fonts.example/a.woff2',
  ])
})
