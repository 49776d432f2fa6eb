/** `embed.table`, `Net.head.w`: the parameters, states and layers inside a layer that has been called. */
import type { Expression } from '../1-parse/ast.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { builtins } from './builtins/table.ts'
import { readVariable } from './entry.ts'
import { evaluate } from './expressions.ts'
import { findGlobal } from './globals.ts'
import { type Instance, joinPath } from './instance.ts'
import { knownElsewhere } from './known-elsewhere.ts'
import { type Frame, report } from './session.ts'
import { describe, errorValue, type Value } from './values.ts'

export function evaluateMember(frame: Frame, expression: Extract<Expression, { kind: 'member' }>): Value {
  const { member, span } = expression
  const target = evaluate(frame, expression.target)
  if (target.kind === 'error') return target
  const instance = instanceOf(frame, target)
  if (!instance)
    return report(frame, 'NN0201', span, `there is nothing called \`${member.text}\` in ${describe(target)}`, {
      hint:
        (target.kind === 'tuple' && 'take it apart by `let (a, b) = …`, or count from 0: `y[0]`') ||
        (target.kind === 'tensor' && functionFor(frame, member.text)) ||
        'layers and models have members, their parameters: `embed.table`',
    })
  const path = joinPath(instance.path, member.text)
  const variable = frame.session.variables.get(path)
  if (variable) {
    const { type, origins } = variable
    if (frame.initializing) return { kind: 'prototype', type }
    return readVariable(frame, span, { kind: 'variable', name: path, type, updatable: false, origins })
  }
  const children = [...instance.children.values()].flat()
  const child = children.find((candidate) => candidate.path === path)
  if (child) return { kind: 'instance', instance: child }
  if (frame.session.rigid) return errorValue
  const prefix = joinPath(instance.path, '')
  const known = [...frame.session.variables.keys(), ...children.map((candidate) => candidate.path)]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((name) => !name.includes('.'))
  const similar = suggest(member.text, known)
  return report(frame, 'NN0201', span, `${describe(target)} has no parameter called \`${member.text}\` here`, {
    hint:
      known.length === 0
        ? 'the parameters of a layer can be read after it has been called'
        : similar
          ? `did you mean \`${similar}\`?`
          : `it has ${[...new Set(known)].map((name) => `\`${name}\``).join(', ')}`,
  })
}

/** What is a method or a property of tensors elsewhere: `x.sum()`, `w.T`, `x.shape`. */
function functionFor(frame: Frame, name: string): string | undefined {
  if (name === 'T') return 'here one writes `transpose(x)`'
  if (name === 'shape' || name === 'size') return 'sizes have the names of the signature: `f32[Batch, N]`'
  const elsewhere = knownElsewhere(name)
  if (elsewhere) return `here one writes \`${elsewhere}\``
  const global = findGlobal(frame.globals, name)
  return builtins.has(name) || global?.declaration.kind === 'fn'
    ? `functions are called with the tensor: \`${name}(x)\` or \`x |> ${name}\``
    : undefined
}

/** The layer a value is; a model is where the entry has called it. */
function instanceOf(frame: Frame, value: Value): Instance | undefined {
  if (value.kind === 'instance') return value.instance
  return value.kind === 'callable' ? frame.entry.models.get(value.declaration) : undefined
}
