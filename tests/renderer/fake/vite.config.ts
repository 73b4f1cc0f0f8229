/** Builds the fake window: `npx vite build -c tests/renderer/fake/vite.config.ts`. */
import { svelte } from '@sveltejs/vite-plugin-svelte'
import path from 'node:path'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [svelte({ configFile: path.resolve(import.meta.dirname, '../../../svelte.config.js') })],
  worker: { format: 'es' },
  build: {
    outDir: path.resolve(import.meta.dirname, '../../../out/fake-window'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
