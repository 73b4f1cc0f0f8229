/**
 * Journeys through the window in a real browser, in front of the real service and engine. `PARE_BROWSER` names the
 * browser; without it an installed one is looked for. The few of tests/electron run where Electron's binary is.
 */
import { defineConfig } from '@playwright/test'
import { ensureBrowser } from './scripts/browser.mjs'

const executablePath = process.env.PARE_BROWSER ?? (await ensureBrowser())
const screenshots = Boolean(process.env.PARE_SCREENSHOTS)

export default defineConfig({
  projects: [
    { name: 'browser', testDir: 'tests/e2e', testMatch: screenshots ? '**/*.shots.ts' : '**/*.spec.ts' },
    ...(screenshots ? [] : [{ name: 'electron', testDir: 'tests/electron' }]),
  ],
  outputDir: 'test-results',
  timeout: 180_000,
  expect: { timeout: 30_000 },
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: {
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    launchOptions: {
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    },
  },
})
