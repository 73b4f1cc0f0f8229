/**
 * Import fences of docs/architecture.md as lint rules: which room may import which, and which globals
 * exist there. Kept as one table so that a test can ask it whether it still bites.
 */
const ROOMS = [
  'disk',
  'engine',
  'contract',
  'service',
  'main',
  'browser-shell',
  'preload',
  'renderer',
  'library',
  'cli',
]

/** room → rooms it may import (types of the engine may be imported by the service). */
export const MAY_IMPORT = {
  contract: [],
  disk: ['contract'],
  engine: ['disk', 'contract'],
  renderer: ['contract'],
  preload: ['contract'],
  service: ['disk', 'contract'],
  main: ['cli', 'service', 'contract'],
  'browser-shell': ['service', 'disk', 'contract'],
  library: ['service', 'contract'],
  cli: ['library', 'service', 'contract'],
}

/**
 * Inside the engine the data flows one way; a room may import those left of it, never those right of it. `math`
 * stands left of `runtime`, as it is pure: whoever has a matrix product hands it in.
 */
export const ENGINE_ORDER = [
  'onnx',
  'math',
  'runtime',
  'tasks',
  'data',
  'layers',
  'targets',
  'evaluate',
  'training',
  'passes',
  'export',
  'search',
  'run',
  'jobs',
]

const BROWSER_GLOBALS = ['window', 'document', 'localStorage', 'navigator', 'location']
const NODE_GLOBALS = ['process', 'Buffer', '__dirname', 'require', 'global']

const restrict = (files, patterns, globals) => ({
  files,
  rules: {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
    'no-restricted-globals': ['error', ...globals],
  },
})

const roomPattern = (room, from, allowTypeImports = false) => ({
  group: [`**/${room}/**`, `**/${room}`],
  message: `${from} may not import ${room}`,
  allowTypeImports,
})

const electron = { group: ['electron', 'electron/*'], message: 'only main and preload know Electron' }
const nodeModules = { group: ['node:*', 'fs', 'path'], message: 'this room runs in a browser' }

const roomFences = ROOMS.map((room) => {
  const patterns = ROOMS.filter((other) => other !== room && !MAY_IMPORT[room].includes(other)).map((other) =>
    roomPattern(other, room, room === 'service' && other === 'engine'),
  )
  const inBrowser = room === 'renderer' || room === 'preload' || room === 'contract'
  if (room !== 'main' && room !== 'preload') patterns.push(electron)
  if (inBrowser) patterns.push(nodeModules)
  const files = [`src/${room}/**/*.ts`, `src/${room}/**/*.svelte`]
  return restrict(files, patterns, inBrowser ? NODE_GLOBALS : BROWSER_GLOBALS)
})

const engineFences = ENGINE_ORDER.map((room, rank) => {
  const outside = ROOMS.filter((other) => other !== 'engine' && !MAY_IMPORT.engine.includes(other))
  const patterns = [
    ...ENGINE_ORDER.slice(rank + 1).map((other) => ({
      // The folder itself is an import too: its index.
      regex: `^(\\.\\./)+${other}(/|$)`,
      message: `engine/${room} may not look up to engine/${other}`,
    })),
    ...outside.map((other) => roomPattern(other, 'engine')),
    electron,
  ]
  return restrict([`src/engine/${room}/**/*.ts`], patterns, BROWSER_GLOBALS)
})

export const fences = [...roomFences, ...engineFences]
