/** Where newer versions are: a page that a person may open in a browser. Pare itself looks nowhere. */
import fs from 'node:fs'
import path from 'node:path'

/** Of the app's own package.json, into which packaging writes the homepage; undefined where it names none. */
export function releasesPage(appPath: string): string | undefined {
  const file = path.join(appPath, 'package.json')
  if (!fs.existsSync(file)) return undefined
  const { homepage } = JSON.parse(fs.readFileSync(file, 'utf8')) as { homepage?: unknown }
  if (typeof homepage !== 'string' || !homepage.startsWith('https://')) return undefined
  return `${homepage.replace(/\/+$/, '')}/releases`
}
