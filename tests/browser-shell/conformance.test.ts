import { conforms } from '../service/conformance'
import { connect, startShell } from './client'

conforms('the service, over the wire of the browser shell', async (dataDir) =>
  connect(await startShell(dataDir)),
)
