/** What a value of an entry is computed from. */
import type { CheckedValue, IndexedExpression } from './checked.ts'

/** The positions of all values `root` depends on by more than `stop_gradient`, itself included. */
export function dependenciesOf(values: readonly CheckedValue[], root: number): ReadonlySet<number> {
  const found = new Set([root])
  // Values refer only to earlier ones, so one pass from the back sees every user before what it uses.
  for (let id = root; id >= 0; id--) {
    if (!found.has(id)) continue
    const { form } = values[id]!
    if (form.kind === 'operation' && form.op === 'stop_gradient') continue
    for (const operand of operandsOf(form)) found.add(operand)
  }
  return found
}

/** The positions of the values one value is computed from. */
export function operandsOf(form: CheckedValue['form']): Iterable<number> {
  if (form.kind === 'operation') return form.operands
  if (form.kind === 'loop') return [...form.carries, ...form.elements, ...form.outside]
  const found = new Set<number>()
  collectReads(form.body, found)
  return found
}

function collectReads(expression: IndexedExpression, found: Set<number>): void {
  switch (expression.kind) {
    case 'constant':
    case 'position':
      return
    case 'scalar':
      found.add(expression.value)
      return
    case 'read':
      found.add(expression.value)
      for (const subscript of expression.subscripts) if ('kind' in subscript) collectReads(subscript, found)
      return
    case 'elementwise':
      for (const operand of new Set(expression.operands)) collectReads(operand, found)
      return
    case 'cast':
      collectReads(expression.operand, found)
      return
    case 'reduce':
      collectReads(expression.body, found)
  }
}
