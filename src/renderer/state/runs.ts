import type { ProjectSummary, Run } from '../../contract/project'
import { plural } from '../../contract/format'
import { duration } from '../lib/format'
import type { App } from './app.svelte'

export async function startRun(app: App): Promise<void> {
  if (!app.project) return
  mayTell(app)
  await app.editor.settled()
  const goal = app.project.goal ?? app.proposal
  const run = await app.ask('runs.start', { project: app.project.id, goal })
  if (!run) return
  delete app.shown.run
  app.go('compress')
  await app.reload()
}

/** A browser tells of the end of a run only where it may: asked for when there is something to tell of. */
function mayTell(app: App): void {
  const wanted = app.host.shell === 'browser' && app.settings?.notifications
  if (wanted && Notification.permission === 'default') app.background(Notification.requestPermission())
}

/** Asks when work would be lost, and says what is kept. */
export async function cancelRun(app: App, run: Run): Promise<void> {
  const step = run.steps.find((entry) => entry.state === 'running')
  if (run.status === 'running' && step) {
    const kept = run.candidates.length
      ? `${plural(run.candidates.length, 'finished candidate')} will be kept.`
      : 'No candidate is finished yet.'
    const yes = await app.confirm({
      title: 'Cancel this run?',
      text: `${kept} The pass that runs now (${step.title}) starts over when you resume; ${duration(run.seconds)} have gone by.`,
      yes: 'Cancel the run',
      danger: true,
    })
    if (yes === null) return
  }
  await app.ask('runs.cancel', { run: run.id })
  await app.reload()
}

/** Its last run was broken off and can go on. */
export const isInterrupted = ({ run }: ProjectSummary): boolean =>
  run?.status === 'interrupted' && run.resumable

/** Goes on with a run from where it was broken off, in sight of it. */
export async function resumeRun(app: App, project: string, run: string): Promise<void> {
  await app.open(project)
  if (app.projectId !== project || !(await app.ask('runs.resume', { run }))) return
  app.go('compress')
  await app.reload()
}
