/** Matching the arguments of a call with the parameters of a declaration. */
import type { CallableDeclaration, Name, Parameter } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { dtypeOf, type Located } from './arithmetic.ts'
import { evaluate } from './expressions.ts'
import type { Globals } from './globals.ts'
import { createScope } from './scope.ts'
import { type Frame, report } from './session.ts'
import { acceptStatic, genericNames } from './signature.ts'
import { describe, type ErrorValue, type Origin, type Value } from './values.ts'

export interface CallArgument extends Located {
  readonly name?: Name
}

/** The fixed settings of a layer, model, optimizer or initializer, defaults filled in. */
export function bindConfig(
  frame: Frame,
  declaration: CallableDeclaration,
  globals: Globals,
  given: readonly CallArgument[],
  span: Span,
): ReadonlyMap<string, Value> | undefined {
  const what = `\`${declaration.name.text}\``
  const scope = createScope()
  const outside: Frame = {
    ...frame,
    globals,
    scope,
    bodyScope: scope,
    declaration,
    caller: { frame, span, name: what },
  }
  const bound = bindArguments(frame, declaration.config, given, what, span, declaration, outside)
  if (!bound) return undefined
  const config = new Map<string, Value>(bound.generics)
  for (const [name, value] of config) scope.bindings.set(name, { value })
  for (const parameter of declaration.config) {
    const argument: CallArgument | undefined = bound.parameters.get(parameter)
    const name = parameter.name.text
    const value = argument ? withOrigin(argument) : evaluate(outside, parameter.value!)
    if (value.kind === 'error') return undefined
    if (
      argument &&
      !(acceptStatic(frame, parameter, argument) && acceptCondition(outside, declaration, parameter, argument))
    )
      return undefined
    if (argument) warnOfSize(frame, declaration, parameter, argument)
    config.set(name, value)
    scope.bindings.set(name, { value, span: parameter.name.span })
  }
  return config
}

/** A setting that is true or false unless given is no place for a number: `Linear(3, 5)` gives the size of the input too. */
function acceptCondition(
  frame: Frame,
  declaration: CallableDeclaration,
  { name, value: initial }: Parameter,
  { value, span }: Located,
): boolean {
  if (initial?.kind !== 'boolean' || value.kind === 'boolean' || value.kind === 'error') return true
  if ((value.kind === 'tensor' || value.kind === 'element') && dtypeOf(value) === 'bool') return true
  const known = declaration.config.map((parameter) => `\`${parameter.name.text}\``).join(', ')
  const sized = value.kind === 'number' || value.kind === 'dimension'
  report(
    frame.caller?.frame ?? frame,
    'NN0209',
    span,
    `\`${name.text}\` is true or false, but this is ${describe(value)}`,
    {
      hint: `\`${declaration.name.text}\` takes ${known}; ${
        sized
          ? 'sizes of what flows in are found by themselves'
          : `what flows goes before it: \`x |> ${declaration.name.text}(…)\``
      }`,
    },
  )
  return false
}

/** `LayerNorm(64)`, as other frameworks have it, would be an `eps` of 64: a size is found by itself. */
function warnOfSize(
  frame: Frame,
  { name: layer, kind }: CallableDeclaration,
  { name, value: initial }: Parameter,
  { name: given, value, span }: CallArgument,
): void {
  const fraction = initial?.kind === 'number' && initial.value > 0 && initial.value < 1
  const size = value.kind === 'number' && value.integer && value.value > 1
  if (kind !== 'layer' || !fraction || !size || given || !layer.span.file.startsWith('std/')) return
  const written = `${layer.text}(${name.text} = ${value.value})`
  report(frame, 'NN0276', span, `this is the \`${name.text}\` of \`${layer.text}\`, usually below 1`, {
    severity: 'warning',
    hint: `sizes of what flows in are found by themselves: \`${layer.text}\`; if it is meant, write \`${written}\``,
  })
}

/** A size passed by a user is explained by the place it was written. */
function withOrigin({ value, span }: Located): Value {
  if ((value.kind !== 'number' && value.kind !== 'dimension') || value.origin) return value
  const origin: Origin = { span }
  return { ...value, origin }
}

/** Arguments of PyTorch and Keras that differ from ours by more than a slip. */
const argumentsElsewhere: Readonly<Record<string, readonly string[] | undefined>> = {
  learning_rate: ['lr'],
  betas: ['beta1'],
  out_features: ['Out'],
  out_channels: ['Out'],
  units: ['Out', 'Hid'],
  filters: ['Out'],
  kernel_size: ['K'],
  hidden_size: ['Hid'],
  num_layers: ['layers'],
  num_heads: ['Heads'],
  embedding_dim: ['Dim'],
  num_embeddings: ['Vocab'],
  p: ['rate'],
  dim: ['axis'],
}

export interface BoundArguments {
  readonly parameters: Map<Parameter, Located>
  /** Generic dimensions fixed by name: `Linear(In = 4, Out = 2)`. */
  readonly generics: Map<string, Value>
}

export function bindArguments(
  frame: Frame,
  parameters: readonly Parameter[],
  given: readonly CallArgument[],
  what: string,
  span: Span,
  declaration: CallableDeclaration,
  configFrame?: Frame,
): BoundArguments | undefined {
  const bound: BoundArguments = { parameters: new Map(), generics: new Map() }
  let position = 0
  let broken = false
  for (const argument of given) {
    if (argument.value.kind === 'error') {
      broken = true
      if (!argument.name) position++
      continue
    }
    if (!argument.name) {
      const parameter = parameters[position++]
      if (parameter) bound.parameters.set(parameter, argument)
      else {
        tooMany(frame, argument.span, what, parameters.length, declaration)
        return undefined
      }
      continue
    }
    const name = argument.name.text
    const parameter = parameters.find((candidate) => candidate.name.text === name)
    if (parameter) {
      if (bound.parameters.has(parameter)) {
        givenTwice(frame, argument, name)
        return undefined
      }
      bound.parameters.set(parameter, argument)
    } else if (configFrame && genericNames(configFrame, declaration.inputs).some((generic) => generic.name === name)) {
      bound.generics.set(name, withOrigin(argument))
    } else {
      unknownArgument(
        frame,
        argument.name,
        parameters.map((candidate) => candidate.name.text),
        what,
        misplaced(declaration, parameters, name),
      )
      return undefined
    }
  }
  if (broken) return undefined
  const missing = parameters.filter((parameter) => !bound.parameters.has(parameter) && parameter.value === undefined)
  if (missing.length === 0) return bound
  const names = missing.map((parameter) => `\`${parameter.name.text}\``).join(', ')
  report(frame, 'NN0210', span, `${what} needs ${names}`, {
    labels: [{ span: missing[0]!.span, message: 'declared here' }],
  })
  return undefined
}

export function tooMany(
  frame: Frame,
  span: Span,
  what: string,
  count: number,
  declaration?: CallableDeclaration,
): ErrorValue {
  const layered =
    declaration && declaration.config.length > 0 && (declaration.kind === 'layer' || declaration.kind === 'model')
  return report(frame, 'NN0211', span, `${what} takes ${count} ${count === 1 ? 'argument' : 'arguments'} here`, {
    hint: layered
      ? `what flows through goes before it: \`x |> ${declaration.name.text}(…)\`${declaration.inputs.length > 1 ? `, and what flows besides into brackets of its own: \`x |> ${declaration.name.text}(…)(${declaration.inputs[1]!.name.text})\`` : ''}`
      : undefined,
  })
}

/** What to write where an input is given among the settings of a layer, or a setting among its inputs. */
function misplaced(declaration: CallableDeclaration, place: readonly Parameter[], name: string): string | undefined {
  const layer = declaration.name.text
  const among = (parameters: readonly Parameter[]) => parameters.some((own) => own.name.text === name)
  if (place !== declaration.inputs && among(declaration.inputs))
    return declaration.inputs[0]?.name.text === name
      ? `\`${name}\` is not set but flows: \`x |> ${layer}(…)\``
      : `\`${name}\` is not set but flows; brackets of their own hold what flows: \`x |> ${layer}(…)(${name} = …)\``
  if (place !== declaration.config && among(declaration.config))
    return `\`${name}\` is a setting of the layer: \`${layer}(${name} = …)\` before what flows`
  return undefined
}

export function unknownArgument(
  frame: Frame,
  name: Name,
  known: readonly string[],
  what: string,
  hint?: string,
): ErrorValue {
  const elsewhere = argumentsElsewhere[name.text]
  const meant = elsewhere?.find((own) => known.includes(own))
  const similar = meant ?? suggest(name.text, known)
  return report(frame, 'NN0212', name.span, `${what} has no argument \`${name.text}\``, {
    hint:
      hint !== undefined
        ? hint
        : name.text.startsWith('keepdim')
          ? '`expand_dims(…, axis)` puts the axis back, with size 1'
          : similar
            ? `did you mean \`${similar}\`?`
            : known.length > 0
              ? `it takes ${known.map((own) => `\`${own}\``).join(', ')}`
              : 'it takes no arguments',
  })
}

export function givenTwice(frame: Frame, argument: CallArgument, name: string, hint?: string): ErrorValue {
  return report(frame, 'NN0212', argument.name?.span ?? argument.span, `\`${name}\` is given twice`, { hint })
}
