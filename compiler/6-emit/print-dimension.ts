/** A run-time size as an AssemblyScript i32 expression. */
import { type Dim, type DimensionAtom, type DimensionTerm, isConstant } from '../dimensions/dimension.ts'

/** `nameOf` gives the parameter that holds a dimension. */
export function printDimension(dim: Dim, nameOf: (name: string) => string): string {
  if (isConstant(dim)) return String(dim)
  const terms = dim.terms.map((term) => printTerm(term))
  if (dim.constant !== 0) terms.push(String(dim.constant))
  return terms.join(' + ').replaceAll('+ -', '- ')

  function printTerm({ coefficient, factors }: DimensionTerm): string {
    const atoms = factors.map(printAtom)
    if (coefficient === -1) return `-${atoms.join(' * ')}`
    return (coefficient === 1 ? atoms : [...atoms, String(coefficient)]).join(' * ')
  }

  function printAtom(atom: DimensionAtom): string {
    if (atom.kind === 'symbol') return nameOf(atom.name)
    return `floorDivide(${printDimension(atom.numerator, nameOf)}, ${printDimension(atom.denominator, nameOf)})`
  }
}
