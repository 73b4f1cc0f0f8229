/** The shell as `npm start` runs it, without a browser. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { bundled } from '../bundled'

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-start-'))
afterAll(() => fs.rmSync(dataDir, { recursive: true, force: true }))

async function start() {
  const child = spawn(process.execPath, [await bundled('browser-shell')], {
    env: { ...process.env, PARE_NO_OPEN: '1', PARE_DATA_DIR: dataDir },
  })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const address = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += String(chunk)
        const found = /http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{40,}/.exec(said)
        if (found) resolve(found[0])
      })
  })
  return { child, ended, address, said: () => said }
}

test('it prints its address, answers there, and has its data folder to itself', async () => {
  const first = await start()
  const { origin } = new URL(await first.address)
  expect((await fetch(origin)).headers.get('content-security-policy')).toContain("default-src 'none'")
  const second = await start()
  expect(await second.ended).toBe(1)
  expect(second.said()).toContain('open already')
  first.child.kill('SIGTERM')
  expect(await first.ended).toBe(0)
})

test('a killed one leaves nothing in the way', async () => {
  const first = await start()
  await first.address
  first.child.kill('SIGKILL')
  await first.ended
  const second = await start()
  await second.address
  second.child.kill('SIGINT')
  expect(await second.ended).toBe(130)
})
