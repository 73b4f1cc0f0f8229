#!/usr/bin/env node
/** The `pare` command from a checkout: builds when it must, then hands over. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, root } from './build.mjs'

ensureBuilt()
await import(pathToFileURL(path.join(root, 'out', 'main', 'cli.js')).href)
