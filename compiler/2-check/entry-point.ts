/** Entry points: frames and inputs of what the compiled module exports. */
import type { InferDeclaration, Parameter } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { symbol } from '../dimensions/dimension.ts'
import type { CheckedEntry } from './checked.ts'
import { createEntry, type Entry, emit, finishEntry } from './entry.ts'
import { createInstance } from './instance.ts'
import { checkResult, withExpected } from './invoke.ts'
import { DEFAULT_RANGE } from './names.ts'
import { bind, createScope } from './scope.ts'
import { ElaborationStop, type Frame, report, type Session } from './session.ts'
import { evaluateType, genericNames } from './signature.ts'
import { returnHint, runBlock } from './statements.ts'
import { describe, dimension, type TensorValue, type Value } from './values.ts'

export interface EntryInputs {
  tensors: readonly TensorValue[]
}

export function entryFrame(session: Session, entry: Entry, training: boolean, name: string): Frame {
  const scope = createScope()
  return {
    session,
    entry,
    scope,
    bodyScope: scope,
    globals: session.user,
    training,
    instance: createInstance({ path: '', role: 'entry', config: new Map() }),
    site: name,
    callDepth: 0,
  }
}

/** Runs the elaboration of one entry; a limit ends it, already reported. */
export function runEntry(elaborate: () => void): void {
  try {
    elaborate()
  } catch (error) {
    if (!(error instanceof ElaborationStop)) throw error
  }
}

/** Makes an input of each parameter; sizes named only here become run-time dimensions. */
export function bindEntryInputs(frame: Frame, parameters: readonly Parameter[]): TensorValue[] {
  bindRuntimeDims(frame, parameters)
  const tensors: TensorValue[] = []
  for (const parameter of parameters) {
    const { name } = parameter
    const tensor = inputTensor(frame, parameter)
    if (frame.scope.bindings.get(name.text)?.value.kind === 'tensor')
      report(frame, 'NN0202', name.span, `the input \`${name.text}\` is declared twice`)
    bind(frame.scope, name.text, tensor ?? { kind: 'error' }, name.span)
    if (tensor) tensors.push(tensor)
  }
  return tensors
}

export function bindRuntimeDims(frame: Frame, parameters: readonly Parameter[]): void {
  const { dims } = frame.session
  for (const { name, span } of genericNames(frame, parameters)) {
    if (!dims.has(name)) dims.set(name, { name, ...DEFAULT_RANGE })
    bind(frame.scope, name, dimension(symbol(name), { span }))
  }
}

/** A number that flows in is a tensor without axes; one known when compiled is a constant or a hyper. */
function scalarHint({ name, type, value }: Parameter): string | undefined {
  const single = (dtype: string) => `one number is \`${name.text}: ${dtype}\`, a fixed one a \`const\` or a \`hyper\``
  if (type?.kind === 'scalar') return type.name === 'string' ? undefined : single(type.name === 'int' ? 'i32' : 'f32')
  return value ? single('f32') : undefined
}

export function inputTensor(frame: Frame, parameter: Parameter): TensorValue | undefined {
  const { name, type } = parameter
  if (type?.kind !== 'tensor') {
    report(
      frame,
      'NN0209',
      parameter.span,
      `the input \`${name.text}\` needs a tensor type: \`${name.text}: f32[Batch, 4]\``,
      { hint: scalarHint(parameter) },
    )
    return undefined
  }
  const ellipsis = type.shape.find((item) => item.kind === 'ellipsis')
  if (ellipsis) {
    report(frame, 'NN0206', ellipsis.span, 'an input from outside needs all its axes named', {
      hint: 'write them out: `f32[Batch, Time, 64]`',
    })
    return undefined
  }
  const typed = evaluateType(frame, type)
  if (!typed) return undefined
  const attributes = { name: name.text, type: typed.type }
  return emit(frame, parameter.span, typed.type, { op: 'input', attributes }, [], typed.origins)
}

export function checkInfer(session: Session, infer: InferDeclaration): CheckedEntry {
  const entry = createEntry(infer.name.text, 'infer')
  const frame = entryFrame(session, entry, false, infer.name.text)
  runEntry(() => {
    bindEntryInputs(frame, infer.inputs)
    const value = runBlock(withExpected(frame, infer), infer.body, 'infer')
    if (!value) {
      report(frame, 'NN0216', infer.name.span, `\`${infer.name.text}\` ends without \`return\``, {
        hint: returnHint(infer.body),
      })
      return
    }
    const checked = infer.result ? checkResult(frame, infer.result, value, infer.span, infer.body) : value
    const names = infer.result?.kind === 'tuple' ? infer.result.items.map((item) => item.name?.text) : []
    addResults(frame, infer, checked, names)
  })
  return finishEntry(entry)
}

/** Outputs are called as the result declares them; `output`, or `output1` and so on, where it does not. */
export function addResults(
  frame: Frame,
  at: { readonly name: { readonly span: Span } },
  value: Value,
  names: readonly (string | undefined)[],
): void {
  const items = value.kind === 'tuple' ? value.items : [value]
  for (const [position, item] of items.entries()) {
    if (item.kind === 'error') continue
    if (item.kind !== 'tensor') {
      report(frame, 'NN0209', at.name.span, `an entry point returns tensors, but this returns ${describe(item)}`)
      continue
    }
    const name = names[position] ?? (items.length === 1 ? 'output' : `output${position + 1}`)
    frame.entry.outputs.push({ name, value: item.id })
  }
}
