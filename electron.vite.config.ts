import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'electron-vite'
import path from 'node:path'

const source = (...parts: string[]): string => path.resolve(import.meta.dirname, 'src', ...parts)

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      externalizeDeps: true,
      minify: false,
      rolldownOptions: {
        input: {
          main: source('main/index.ts'),
          worker: source('engine/worker.ts'),
          'maths-worker': source('engine/maths-worker.ts'),
          'browser-shell': source('browser-shell/index.ts'),
          cli: source('cli/index.ts'),
          library: source('index.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      // A sandboxed preload may require nothing but electron: everything else is bundled in.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: source('preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: source('renderer'),
    plugins: [svelte()],
    worker: { format: 'es' },
    build: {
      outDir: path.resolve(import.meta.dirname, 'out/renderer'),
      emptyOutDir: true,
      // Inlined assets would need data: in the content security policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: source('renderer/index.html') },
    },
  },
})
