/** Warnings about names nothing uses, in a file without errors. Purely by their text, so that no branch left out when compiled counts as unused. */
import type {
  Block,
  CallableDeclaration,
  Declaration,
  IterateExpression,
  Name,
  ScanExpression,
  SourceFile,
  Statement,
} from '../1-parse/ast.ts'
import { addDiagnostic, type Session } from './session.ts'

/** `trained`: what the train and infer blocks of the file reach. */
export function reportUnusedNames(session: Session, ast: SourceFile, trained: ReadonlySet<CallableDeclaration>): void {
  if (session.diagnostics.some((diagnostic) => diagnostic.severity === 'error')) return
  const everywhere = new Set<string>()
  for (const declaration of ast.declarations) {
    collectNames(declaration, everywhere)
    if (declaration.kind === 'load') everywhere.add(declaration.name.text)
  }
  const hasTrain = ast.declarations.some((declaration) => declaration.kind === 'train')
  for (const declaration of ast.declarations) {
    if (declaration.kind === 'import')
      for (const { name, alias } of declaration.names)
        if (!everywhere.has((alias ?? name).text)) warnUnused(session, 'import', alias ?? name)
    if (declaration.kind === 'const' || declaration.kind === 'dim' || declaration.kind === 'hyper') {
      if (!everywhere.has(declaration.name.text)) warnUnused(session, declaration.kind, declaration.name)
    }
    if ('body' in declaration) reportUnusedLets(session, declaration, declaration.body)
    if (declaration.kind === 'model' && hasTrain && !trained.has(declaration))
      addDiagnostic(session, {
        code: 'NN0272',
        severity: 'warning',
        span: declaration.name.span,
        message: `no train or infer block uses the model \`${declaration.name.text}\``,
        labels: [],
      })
  }
}

function reportUnusedLets(session: Session, declaration: Declaration, body: Block): void {
  const used = new Set<string>()
  collectNames(declaration, used)
  const visit = (block: Block): void => {
    for (const statement of block.statements) {
      if (statement.kind === 'when') {
        visit(statement.body)
        if (statement.otherwise) visit(statement.otherwise)
      } else {
        for (const loop of loopsIn(statement)) {
          const elements = loop.kind === 'scan' ? loop.elements : []
          for (const { name } of elements) if (!used.has(name.text)) warnUnused(session, 'scan', name)
          for (const { name } of loop.carries) if (!used.has(name.text)) warnUnused(session, 'carry', name)
          visit(loop.body)
        }
      }
      if (statement.kind === 'use' || statement.kind === 'param') {
        if (!used.has(statement.name.text)) warnUnused(session, statement.kind, statement.name)
      }
      if (statement.kind !== 'let') continue
      const { pattern } = statement
      const names = pattern.kind === 'tuple' ? pattern.names : [pattern.name]
      if (!names.some((name) => used.has(name.text))) for (const name of names) warnUnused(session, 'let', name)
    }
  }
  visit(body)
}

function warnUnused(session: Session, keyword: string, name: Name): void {
  if (name.text.startsWith('_')) return
  addDiagnostic(session, {
    code: 'NN0270',
    severity: 'warning',
    span: name.span,
    message: `nothing uses \`${keyword} ${name.text}\``,
    labels: [],
    hint: keyword === 'let' || keyword === 'scan' ? `remove it, or call it \`_${name.text}\`` : 'remove it',
  })
}

/** The loops in a statement's expressions, without those in the bodies of others. */
function loopsIn(statement: Statement): (ScanExpression | IterateExpression)[] {
  const loops: (ScanExpression | IterateExpression)[] = []
  const open: object[] = [statement]
  for (let node = open.pop(); node; node = open.pop()) {
    if (isLoop(node)) loops.push(node)
    for (const child of Object.values(isLoop(node) ? { ...node, body: undefined } : node))
      if (typeof child === 'object' && child !== null) open.push(child)
  }
  return loops
}

function isLoop(node: object): node is ScanExpression | IterateExpression {
  return 'kind' in node && (node.kind === 'scan' || node.kind === 'iterate') && 'carries' in node
}

/** Every name used in an expression or updated, anywhere below. Iterative: trees may be deep. */
export function collectNames(root: object, names: Set<string>): void {
  const open: object[] = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    if ('kind' in node && node.kind === 'name' && 'name' in node && typeof node.name === 'string') names.add(node.name)
    for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) open.push(child)
  }
}
