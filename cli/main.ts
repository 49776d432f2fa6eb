#!/usr/bin/env node
import * as nodeModule from 'node:module'

// Node 22.1 and later keep compiled JavaScript between runs, which halves the start.
;(nodeModule as { enableCompileCache?: () => void }).enableCompileCache?.()

const [{ run }, { processTerminal }] = await Promise.all([import('./run.ts'), import('./terminal.ts')])
process.exitCode = await run(process.argv.slice(2), processTerminal())
