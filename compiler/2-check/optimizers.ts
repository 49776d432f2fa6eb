/** The optimizers of a train block, and which parameters each of them updates. */

import { matchesPattern } from '../../runtime/pattern.ts'
import type { CallableDeclaration, OptimizerStatement, StringLiteral, TrainDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { bindConfig } from './arguments.ts'
import { evaluateArguments } from './calls.ts'
import { findGlobal, type Globals, globalNames } from './globals.ts'
import { listed, requireMatch } from './require-match.ts'
import { type Frame, report, type VariableRecord } from './session.ts'
import type { Value } from './values.ts'

export interface FoundOptimizer {
  readonly declaration: CallableDeclaration
  readonly globals: Globals
  readonly config: ReadonlyMap<string, Value>
  /** Limits it to the parameters it matches. */
  readonly pattern?: StringLiteral
  readonly span: Span
}

/** All `optimizer` statements in order; undefined if there is none or one of them is wrong. */
export function findOptimizers(frame: Frame, train: TrainDeclaration): FoundOptimizer[] | undefined {
  const statements = train.body.statements.filter((statement) => statement.kind === 'optimizer')
  if (statements.length === 0) {
    report(frame, 'NN0242', train.name.span, `the train block \`${train.name.text}\` has no \`optimizer\``, {
      hint: 'add one: `optimizer adam(lr = 1e-3)`',
    })
    return undefined
  }
  const [first, second] = statements.filter(({ pattern }) => !pattern)
  if (first && second)
    report(frame, 'NN0202', second.span, 'a train block has one `optimizer` for all parameters', {
      labels: [{ span: first.span, message: 'first here' }],
      hint: 'limit the others to some parameters: `optimizer sgd(0.1) for "head.**"`',
    })
  const found = statements.map((statement) => findOptimizer(frame, statement))
  return found.every((optimizer) => optimizer !== undefined) ? found : undefined
}

function findOptimizer(frame: Frame, statement: OptimizerStatement): FoundOptimizer | undefined {
  const { call, pattern, span } = statement
  const callee = call.kind === 'call' ? call.callee : call
  if (callee.kind !== 'name') {
    report(frame, 'NN0242', call.span, 'an optimizer is named here: `optimizer adam(lr = 1e-3)`')
    return undefined
  }
  if (frame.globals.missing.has(callee.name)) return undefined
  const found = findGlobal(frame.globals, callee.name)
  if (found?.declaration.kind !== 'optimizer') {
    const optimizers = globalNames(frame.globals).filter(
      (name) => findGlobal(frame.globals, name)?.declaration.kind === 'optimizer',
    )
    const similar = suggest(callee.name, optimizers)
    report(frame, 'NN0242', callee.span, `there is no optimizer called \`${callee.name}\``, {
      hint: similar
        ? `did you mean \`${similar}\`?`
        : `there are ${optimizers.map((name) => `\`${name}\``).join(', ')}`,
    })
    return undefined
  }
  const { declaration, globals } = found
  const given = call.kind === 'call' ? evaluateArguments(frame, call) : []
  const config = bindConfig(frame, declaration, globals, given, span)
  return config && { declaration, globals, config, ...(pattern && { pattern }), span }
}

/** The optimizer of each parameter: the last whose pattern matches, else the one without a pattern. */
export function assignOptimizers(
  frame: Frame,
  train: TrainDeclaration,
  optimizers: readonly FoundOptimizer[],
  trained: readonly VariableRecord[],
): FoundOptimizer[] | undefined {
  const names = trained.map(({ name }) => name)
  for (const { pattern } of optimizers)
    if (pattern) requireMatch(frame.session, pattern, names, 'no parameter this train block trains')
  const assigned = trained.map(
    ({ name }) =>
      optimizers.findLast(({ pattern }) => pattern !== undefined && matchesPattern(pattern.value, name)) ??
      optimizers.find(({ pattern }) => pattern === undefined),
  )
  if (assigned.every((optimizer) => optimizer !== undefined)) return assigned
  const without = trained.filter((_, at) => assigned[at] === undefined).map(({ name }) => name)
  report(frame, 'NN0242', train.name.span, `${listed(without)} ${without.length === 1 ? 'has' : 'have'} no optimizer`, {
    hint: 'add one without `for`, which takes all that no pattern matches, or `freeze` them',
  })
  return undefined
}
