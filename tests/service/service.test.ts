import path from 'node:path'
import { createService, forkEngine, type EngineProcess } from '../../src/service'
import { bundled } from '../bundled'
import { conforms } from './conformance'

conforms('the service, called directly', async (dataDir) => {
  const worker = await bundled('worker')
  const processes: EngineProcess[] = []
  const service = createService({
    dataDir,
    resourcesDir: path.resolve(import.meta.dirname, '../../resources'),
    engine: () => {
      processes.push(forkEngine(worker))
      return processes.at(-1)!
    },
    shell: 'electron',
  })
  return {
    invoke: (name, input) => service.invoke(name, input),
    onAny: (listener) => void service.onAny(listener),
    hand: (file) => service.adoptPath(file),
    killEngine: () => processes.forEach((process) => process.kill()),
    close: async () => service.close(),
  }
})
