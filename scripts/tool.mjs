/** Builds one of the project's own tools (bench, attack, suite) with its own means and runs it in a plain Node. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from 'vite'
import { root } from './build.mjs'

/**
 * `inputs` are files of the checkout by the name of what is built of them; `index` is run with the words of the command
 * line. `folder` lies below out/. Ends this process with the tool's exit status.
 */
export async function runTool(folder, inputs) {
  const outDir = path.join(root, 'out', folder)
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: true,
      target: 'node20',
      outDir,
      emptyOutDir: true,
      minify: false,
      rolldownOptions: {
        input: Object.fromEntries(
          Object.entries(inputs).map(([name, file]) => [name, path.join(root, file)]),
        ),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  })
  const { status } = spawnSync(process.execPath, [path.join(outDir, 'index.js'), ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
  })
  process.exit(status ?? 1)
}
