import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import {
  isBinaryExpression,
  isCallExpression,
  isCaseClause,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isNewExpression,
  isPropertyAccessExpression,
  isStringLiteral,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/sync'

/** What the compiler's parser finds in one file of the project. Paths are relative to its root. */
export interface SourceFacts {
  readonly path: string
  readonly lines: number
  /** Every module named by import, export … from, import(), a type's import() or new URL(…, import.meta.url). */
  readonly imports: readonly Import[]
  /** Lines that compare something with the name of an engine. */
  readonly engineTests: readonly number[]
  /** Lines that call process.exit. */
  readonly exits: readonly number[]
}

export interface Import {
  /** As written: `pg`, `node:fs`, `./model.ts`. */
  readonly specifier: string
  /** The file it means, relative to the root, or null for a package and for a file that is not there. */
  readonly file: string | null
}

/** Parses every TypeScript file of the project at `root` except those in node_modules. */
export function readSources(root: string): readonly SourceFacts[] {
  const api = new API({ cwd: root })
  try {
    const snapshot = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] })
    const facts: SourceFacts[] = []
    for (const { program } of snapshot.getProjects())
      for (const name of program.getSourceFileNames()) {
        const path = relative(root, name)
        if (path.startsWith('..') || path.includes('node_modules')) continue
        const file = program.getSourceFile(name)
        if (file !== undefined) facts.push(readFacts(root, path, file, file.text))
      }
    return facts
  } finally {
    api.close()
  }
}

function readFacts(root: string, path: string, file: Node, text: string): SourceFacts {
  const imports: Import[] = []
  const engineTests: number[] = []
  const exits: number[] = []
  const line = (node: Node): number => text.slice(0, node.end).split('\n').length
  const visit = (node: Node): void => {
    const specifier = imported(node)
    if (specifier !== null) imports.push({ specifier, file: resolve(root, path, specifier) })
    if (comparesEngine(node)) engineTests.push(line(node))
    if (isPropertyAccessExpression(node) && node.getText() === 'process.exit') exits.push(line(node))
    node.forEachChild(visit)
  }
  visit(file)
  return { path, lines: text.split('\n').length - 1, imports, engineTests, exits }
}

function imported(node: Node): string | null {
  if (isImportDeclaration(node) || isExportDeclaration(node)) return literalText(node.moduleSpecifier)
  if (isImportTypeNode(node) && isLiteralTypeNode(node.argument)) return literalText(node.argument.literal)
  if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword)
    return literalText(node.arguments[0])
  if (
    isNewExpression(node) &&
    node.expression.getText() === 'URL' &&
    node.arguments?.[1]?.getText() === 'import.meta.url'
  )
    return literalText(node.arguments[0])
  return null
}

function literalText(node: Node | undefined): string | null {
  return node !== undefined && isStringLiteral(node) ? node.text : null
}

function resolve(root: string, from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null
  const path = join(dirname(from), specifier)
  return existsSync(join(root, path)) ? path : null
}

function comparesEngine(node: Node): boolean {
  const isEngine = (part: Node): boolean => ['sqlite', 'postgres'].includes(literalText(part) ?? '')
  if (isCaseClause(node)) return isEngine(node.expression)
  if (!isBinaryExpression(node)) return false
  const comparison = [SyntaxKind.EqualsEqualsEqualsToken, SyntaxKind.ExclamationEqualsEqualsToken]
  return comparison.includes(node.operatorToken.kind) && (isEngine(node.left) || isEngine(node.right))
}
