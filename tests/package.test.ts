/**
 * The app packed as for users, with a stand-in for the Electron binary: the archive holds what the engine needs,
 * and the packed engine compresses the sample when plain Node starts it.
 */
import { extractAll, listPackage } from '@electron/asar'
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import electron from 'electron/package.json' with { type: 'json' }
import { builtEntry } from './built'
import { makeStubElectron } from './stub-electron'

const root = path.resolve(import.meta.dirname, '..')
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-package-'))
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))

/** Into `dist`; nothing is signed, and what only another system's tools can do is left out. */
function packFor(system: 'linux' | 'win32' | 'darwin', ...line: string[]): void {
  const stub = makeStubElectron(path.join(work, system), electron.version, system)
  const builder = path.join(root, 'node_modules', 'electron-builder', 'cli.js')
  const settings = [
    `-c.electronDist=${stub}`,
    `-c.directories.output=${path.join(work, 'dist')}`,
    '-c.npmRebuild=false',
  ]
  const args = [builder, ...line, '--dir', '--publish', 'never', ...settings]
  execFileSync(process.execPath, args, { cwd: root, stdio: 'pipe' })
}

async function expectFuses(binary: string): Promise<void> {
  const wire = await getCurrentFuseWire(binary)
  const on = [
    FuseV1Options.EnableCookieEncryption,
    FuseV1Options.EnableEmbeddedAsarIntegrityValidation,
    FuseV1Options.OnlyLoadAppFromAsar,
  ]
  for (const fuse of Object.values(FuseV1Options).filter((one) => typeof one === 'number'))
    expect(wire[fuse], FuseV1Options[fuse]).toBe((on.includes(fuse) ? '1' : '0').charCodeAt(0))
}

/** Of the runtime's binaries that a packed app holds. */
const systemsIn = (resources: string): string[] =>
  fs.readdirSync(path.join(resources, 'app.asar.unpacked/node_modules/onnxruntime-node/bin/napi-v6'))

test.runIf(process.platform === 'linux')(
  'what is packed for Windows and macOS is theirs, by their settings',
  async () => {
    builtEntry('worker')
    // Resources of an .exe and icons of macOS are made by tools that are not here.
    packFor('win32', '--win', '--x64', '-c.win.signAndEditExecutable=false', '-c.disableAsarIntegrity=true')
    const windows = path.join(work, 'dist', 'win-unpacked')
    await expectFuses(path.join(windows, 'Pare.exe'))
    expect(systemsIn(path.join(windows, 'resources'))).toEqual(['win32'])
    expect(fs.readdirSync(path.join(windows, 'resources', 'resources', 'command')).sort()).toEqual([
      'pare.cmd',
      'path.ps1',
    ])

    const icon = path.join(work, 'icon.icns')
    fs.writeFileSync(icon, '')
    packFor('darwin', '--mac', '--arm64', `-c.mac.icon=${icon}`, '-c.mac.identity=null')
    const contents = path.join(work, 'dist', 'mac-arm64', 'Pare.app', 'Contents')
    await expectFuses(path.join(work, 'dist', 'mac-arm64', 'Pare.app'))
    expect(systemsIn(path.join(contents, 'Resources'))).toEqual(['darwin'])
    const plist = fs.readFileSync(path.join(contents, 'Info.plist'), 'utf8')
    for (const said of ['app.pare.desktop', 'onnx', 'pare', 'public.app-category.developer-tools'])
      expect(plist).toContain(`<string>${said}</string>`)
  },
  300_000,
)

test.runIf(process.platform === 'linux')(
  'the packed engine compresses the sample',
  async () => {
    builtEntry('worker')
    packFor('linux', '--linux')

    const resources = path.join(work, 'dist', 'linux-unpacked', 'resources')
    const archive = path.join(resources, 'app.asar')
    const packed = listPackage(archive, { isPack: false })
    expect(packed).toEqual(
      expect.arrayContaining(['/out/main/main.js', '/out/preload/index.cjs', '/out/renderer/index.html']),
    )
    expect(packed.filter((file) => /^\/(src|tests|docs|bench)\//.test(file))).toEqual([])
    expect(packed.filter((file) => /napi-v6\/(win32|darwin)/.test(file))).toEqual([])
    for (const entry of ['worker.js', 'maths-worker.js'])
      expect(fs.existsSync(path.join(resources, 'app.asar.unpacked', 'out', 'main', entry))).toBe(true)

    await expectFuses(path.join(work, 'dist', 'linux-unpacked', 'pare-desktop'))

    const app = path.join(work, 'app')
    extractAll(archive, app)
    fs.cpSync(path.join(resources, 'resources'), path.join(app, 'resources'), { recursive: true })
    const sample = path.join(app, 'resources', 'samples', 'bearing')
    const out = path.join(work, 'small')
    const args = [
      path.join(app, 'out/main/cli.js'),
      'compress',
      path.join(sample, 'cnn1d.onnx'),
      '--data',
      path.join(sample, 'data'),
      '--recipe',
      'safe',
      '--out',
      out,
      '--json',
    ]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: work })
    expect(stderr).not.toMatch(/Cannot find|ERR_/)
    expect(status, stderr).toBe(0)
    const { original, candidate } = JSON.parse(stdout)
    expect(candidate.bytes).toBeLessThan(original.bytes * 0.6)
    expect(candidate.quality.value).toBeGreaterThan(original.quality.value - 0.02)
  },
  300_000,
)
