/** The app behind every shell: it owns all state, answers the contract and says what changed. */
import fs from 'node:fs'
import path from 'node:path'
import { version } from '../../package.json'
import type { AppInfo, EventName, Events, MethodInput, MethodName, MethodOutput } from '../contract/app'
import { methods } from '../contract/app'
import { PareError, type ErrorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import type { FileRef } from '../contract/project'
import type { Core, ShellHost } from './core'
import { EngineHost } from './engine-host'
import type { EngineLimits, EngineProcess } from './engine-process'
import { Exports } from './exports'
import { FileStore } from './files'
import { handlersOf } from './handlers'
import { Loader } from './loading'
import { Catalogue } from './recipes'
import { Runs } from './runs'
import { SetAside } from './set-aside'
import { Sittings } from './sittings'
import { PlaceStore, ProjectStore, SettingsStore } from './store'
import { sweep } from './sweep'

interface ServiceOptions {
  /** Where projects, runs, uploads and settings live. Absolute. */
  dataDir: string
  /** The built-in samples lie in `<resourcesDir>/samples`. */
  resourcesDir: string
  /** Starts an engine process. */
  engine: (limits: EngineLimits) => EngineProcess
  shell: AppInfo['shell']
  host?: ShellHost
}

type Listener = <E extends EventName>(event: E, data: Events[E]) => void

export interface Service {
  /** Validates the input; rejects with PareErrors. */
  invoke<M extends MethodName>(name: M, input: MethodInput<M>): Promise<MethodOutput<M>>
  /** Gives the function that ends the listening. */
  on<E extends EventName>(event: E, listener: (data: Events[E]) => void): () => void
  /** Every event from now on. */
  onAny(listener: Listener): () => void
  /** A file or folder the user picked or dropped natively. It is referred to, never changed. */
  adoptPath(file: string): Promise<FileRef>
  /** Stores one file of an upload that `files.begin` opened. */
  receiveUpload: FileStore['receive']
  /** Ends the engine at once; a run that is going on can be resumed at the next start. */
  close(): void
}

/** Written by the packaging; a checkout names the licences of its packages in their folders. */
function licencesIn(resourcesDir: string): string {
  try {
    return fs.readFileSync(path.join(resourcesDir, 'licences.txt'), 'utf8')
  } catch {
    return ''
  }
}

export function createService(options: ServiceOptions): Service {
  const { dataDir, resourcesDir, engine, shell } = options
  const listeners = new Set<Listener>()
  const onAny = (listener: Listener): (() => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const emit: Core['emit'] = (event, data) => {
    for (const listener of listeners) listener(event, data)
  }
  const aside = new SetAside(path.join(dataDir, 'set-aside'))
  const settings = new SettingsStore(path.join(dataDir, 'settings.json'), aside.taking('settings'))
  const start = (memory = settings.get().memory * 2 ** 20): EngineProcess =>
    engine({ memory, plugins: settings.get().plugins, pluginsMayFail: true })
  const died = (error: ErrorData): void => {
    // A plug-in may have done it: what is listed of it is asked again.
    catalogue.forget()
    emit('engine.restarted', { reason: errorMessage(error).what })
  }
  const core: Core = {
    dataDir,
    resourcesDir,
    store: new ProjectStore(
      path.join(dataDir, 'projects'),
      (project) => emit('project.changed', { project }),
      aside.taking('project'),
    ),
    files: new FileStore(path.join(dataDir, 'files'), aside.taking('file')),
    settings,
    place: new PlaceStore(path.join(dataDir, 'place.json')),
    aside,
    engine,
    interactive: new EngineHost(start, died),
    work: new EngineHost(start, died),
    host: options.host ?? {},
    emit,
  }
  sweep(core)
  const catalogue = new Catalogue(core.interactive)
  const loader = new Loader(core)
  const runs = new Runs(core, catalogue)
  const handlers = handlersOf({
    core,
    loader,
    runs,
    sittings: new Sittings(core),
    catalogue,
    exports: new Exports(core),
    sources: {
      file: (id) => core.files.shown(id),
      doing: (project, part) => loader.doing(project, part),
      opened: (project) => loader.opened(project),
      live: runs.live,
      passTitle: catalogue.title,
      resumable: runs.resumable,
    },
    about: { version, licences: licencesIn(resourcesDir), shell },
  })

  return {
    async invoke<M extends MethodName>(name: M, input: MethodInput<M>) {
      if (!Object.hasOwn(methods, name))
        throw new PareError('bad-request', {
          method: String(name),
          reason: `There is no method “${String(name)}”.`,
        })
      const parsed = methods[name].input.safeParse(input)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        const reason = issue
          ? `${issue.path.join('.') || 'input'}: ${issue.message}`
          : 'The input is not valid.'
        throw new PareError('bad-request', { method: name, reason })
      }
      const handler = handlers[name] as (input: unknown) => unknown
      return (await handler(parsed.data)) as MethodOutput<M>
    },
    on(name, listener) {
      return onAny((event, data) => {
        if ((event as string) === name) listener(data as never)
      })
    },
    onAny,
    adoptPath: async (file) => core.files.adopt(file),
    receiveUpload: (upload, relative, body, flush) => core.files.receive(upload, relative, body, flush),
    close() {
      runs.close()
      core.interactive.close()
      core.work.close()
    },
  }
}
