/** Collects name, version, licence and licence text of everything that is shipped, into resources/licences.txt. */
import fs from 'node:fs'
import path from 'node:path'

/** Every package the given ones need at run time, found the way Node resolves them. */
function shipped(root) {
  const found = new Map()
  const visit = (name, from) => {
    for (let folder = from; ; folder = path.dirname(folder)) {
      const home = path.join(folder, 'node_modules', name)
      const file = path.join(home, 'package.json')
      if (fs.existsSync(file)) {
        if (found.has(home)) return
        const about = JSON.parse(fs.readFileSync(file, 'utf8'))
        found.set(home, about)
        for (const next of Object.keys({ ...about.dependencies, ...about.optionalDependencies }))
          visit(next, home)
        return
      }
      if (folder === path.dirname(folder)) return
    }
  }
  const { dependencies, devDependencies } = JSON.parse(
    fs.readFileSync(path.join(root, 'package.json'), 'utf8'),
  )
  // These are built into the window.
  const bundled = ['svelte', 'bits-ui', 'chart.js', 'chartjs-plugin-annotation'].filter(
    (name) => devDependencies[name],
  )
  for (const name of [...Object.keys(dependencies), ...bundled]) visit(name, root)
  return [...found].sort(([, a], [, b]) => (a.name < b.name ? -1 : 1))
}

export function writeLicences(root) {
  const parts = shipped(root).map(([home, { name, version, license }]) => {
    const file = fs.readdirSync(home).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? fs.readFileSync(path.join(home, file), 'utf8').trim() : ''
    return `${name} ${version} (${typeof license === 'string' ? license : (license?.type ?? 'see its repository')})\n\n${text}`
  })
  fs.writeFileSync(path.join(root, 'resources', 'licences.txt'), parts.join(`\n\n${'-'.repeat(72)}\n\n`))
}
