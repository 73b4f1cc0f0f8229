/** The whole window on a fake host; `?state=done&samples=10000&nodes=5000` says what is there. */
import '../../../src/renderer/lib/jitless'
import '../../../src/renderer/styles/tokens.css'
import '../../../src/renderer/styles/base.css'
import { mount } from 'svelte'
import App from '../../../src/renderer/App.svelte'
import { finishedRun, project } from './fixtures'
import { FakeHost } from './host'

const wanted = new URLSearchParams(location.search)
const number = (name: string): number | undefined => (wanted.has(name) ? Number(wanted.get(name)) : undefined)
const STATES: Record<string, () => ReturnType<typeof project> | undefined> = {
  loaded: () => project(),
  done: () => project({ goal: finishedRun().goal, runs: [finishedRun()] }),
}
const host = new FakeHost({
  samples: number('samples'),
  nodes: number('nodes'),
  project: STATES[wanted.get('state') ?? '']?.(),
})
mount(App, { target: document.getElementById('app')!, props: { host } })
