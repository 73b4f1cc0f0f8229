/** Coming back to a place: after a reload, in another window, at the next start, by the browser's Back. */
import type { App } from './app.svelte'
import { placeText, readPlace, type Place } from './place'
import { candidatesOf } from './steps'

/** As the address says, else where the last window was; what has been told at home must be seen there first. */
async function lastPlace(app: App): Promise<Place> {
  const here = readPlace(globalThis.location?.hash ?? '')
  if (here.project || app.notices.length > 0) return here
  const last = await app.ask('place.get', undefined)
  return readPlace(last?.address ?? '')
}

/** At the start: what was handed in meanwhile goes before where one was. */
export async function comeBack(app: App): Promise<void> {
  const place = await lastPlace(app)
  if (!app.project) await arrive(app, place)
}

/** Home where its project is gone. */
export async function arrive(app: App, { project: id, step, chosen, shown }: Place): Promise<void> {
  const isHere = id !== undefined && id === app.projectId
  if (!id || !(isHere || app.projects.some((known) => known.id === id))) {
    if (app.project) app.home()
    return
  }
  const project = isHere ? app.project : await app.ask('projects.get', { project: id })
  if (!project) return
  if (!isHere) app.enter(project, step)
  else if (step && step !== app.step) app.go(step)
  const known = candidatesOf(project).map((candidate) => candidate.id)
  app.chosen = chosen.filter((one) => known.includes(one))
  app.shown = { ...shown }
}

/** The next window, and the next start, begin here; worth no word where that could not be written down. */
export function keepPlace(app: App): void {
  app.host.invoke('place.set', { address: placeText(app.place) }).catch(() => undefined)
}
