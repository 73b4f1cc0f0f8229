/**
 * The docs as a site, into dist/site: `npm run docs`. Pages lie at their places in the repository, so that a link is the
 * same there and here. The base is relative: the site can be served from any folder. A dead link ends the build.
 */
import fs from 'node:fs'
import path from 'node:path'
import { defineConfig, type DefaultTheme } from 'vitepress'
import { bringAlong, faultsOf } from './links.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** What has pages, beside those at the root. */
const FOLDERS = ['docs', 'examples']

/** What stands in the margin; other pages are reached by links. */
const GROUPS = {
  Start: ['README', 'docs/guide', 'docs/troubleshooting'],
  Tutorials: [
    'docs/tutorials/bearing',
    'docs/tutorials/microcontroller',
    'docs/tutorials/phone',
    'docs/tutorials/drone',
    'docs/tutorials/wake-word',
    'docs/tutorials/wearable',
    'docs/tutorials/car',
  ],
  'How to': ['docs/data', 'docs/search', 'docs/bundle', 'docs/microcontrollers', 'docs/library'],
  Methods: ['docs/quantization', 'docs/pruning', 'docs/training', 'docs/comparison'],
  Reference: [
    'docs/cli',
    'docs/reference/index',
    'docs/presets',
    'docs/passes',
    'docs/targets',
    'docs/encodings',
    'docs/policy',
    'docs/formats',
    'docs/suite',
  ],
  Project: [
    'docs/privacy',
    'docs/architecture',
    'docs/design-system',
    'CONTRIBUTING',
    'CHANGELOG',
    'docs/releasing',
  ],
}

const titleOf = (page: string): string =>
  /^# (.*)$/m.exec(fs.readFileSync(path.join(root, `${page}.md`), 'utf8'))![1]!

const sidebar: DefaultTheme.SidebarItem[] = Object.entries(GROUPS).map(([text, pages]) => ({
  text,
  items: pages.map((page) => ({ text: titleOf(page), link: `/${page}` })),
}))

export default defineConfig({
  title: 'Pare',
  description: 'Makes ONNX models small enough to ship, on your own machine.',
  base: './',
  srcDir: '..',
  // What others keep here (worktrees, reference models) has no pages.
  srcExclude: fs
    .readdirSync(root)
    .flatMap((name) => (FOLDERS.includes(name) ? [] : name.endsWith('.md') ? [] : [`${name}/**`])),
  rewrites: { 'docs/index.md': 'index.md' },
  outDir: '../dist/site',
  // Names of types in headings and texts (`Map<K, V>`) are no elements.
  markdown: { html: false },
  // The index of the search is one file.
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  themeConfig: { search: { provider: 'local' }, sidebar, outline: [2, 3] },
  buildEnd({ outDir }) {
    bringAlong(root, outDir)
    const faults = faultsOf(outDir)
    if (faults.length > 0) throw new Error(faults.join('\n'))
  },
})
