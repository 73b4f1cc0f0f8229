/** What the lock file may hold: packages of the npm registry with their hashes, and no scripts beyond those we know. */
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')

/**
 * Known to want to run something when installed: a file for the Windows signer is written, CUDA libraries are fetched.
 * `.npmrc` keeps npm from running any of it.
 */
const SCRIPTS = /^(electron-winstaller|onnxruntime-node)$/
const REGISTRY = 'https://registry.npmjs.org/'

/**
 * What is wrong with a parsed package-lock.json, one sentence each. Where a package's address is absent
 * (`omit-lockfile-registry-resolved`), npm takes it from the registry it is set to.
 */
export function faultsOf({ lockfileVersion, packages }) {
  const faults = lockfileVersion === 3 ? [] : [`lockfileVersion is ${lockfileVersion}, not 3`]
  for (const [place, { version, resolved, integrity, hasInstallScript, link }] of Object.entries(packages)) {
    if (place === '') continue
    const name = place.split('node_modules/').at(-1)
    const what = `${name} ${version}`
    if (link) faults.push(`${what} is a link to a folder`)
    if (resolved !== undefined && !resolved.startsWith(REGISTRY))
      faults.push(`${what} comes from ${resolved}`)
    if (!/^sha512-[\w+/]{86}==$/.test(integrity ?? '')) faults.push(`${what} has no SHA-512`)
    if (hasInstallScript && !SCRIPTS.test(name)) faults.push(`${what} runs a script when it is installed`)
  }
  return faults
}

/** Of the checkout: its lock file, and that npm is told to run no scripts. */
export function checkLock() {
  const read = (name) => fs.readFileSync(path.join(root, name), 'utf8')
  const faults = faultsOf(JSON.parse(read('package-lock.json')))
  if (!/^ignore-scripts=true$/m.test(read('.npmrc'))) faults.push('.npmrc does not say ignore-scripts=true')
  return faults
}

if (process.argv[1] === import.meta.filename) {
  const faults = checkLock()
  for (const fault of faults) console.error(fault)
  process.exit(faults.length > 0 ? 1 : 0)
}
