import type { ExpressionColumn } from './expression-value.ts'

export interface ExpressionContext {
  /** All columns of the table, by source name in lower case. */
  readonly columns: ReadonlyMap<string, ExpressionColumn>
  readonly purpose: 'default' | 'check' | 'index' | 'predicate' | 'generated'
  /** The target's type, for a default or a generated column. */
  readonly type?: string
  /** The column's declared type in the source, for a default. */
  readonly declared?: string
  /** An index that keeps a rule: it must tell apart exactly what the source does. */
  readonly unique?: boolean
}

/** An expression of SQLite's dialect as a tree. Operators and function names are in lower case. */
export type Tree =
  | { readonly node: 'number'; readonly text: string }
  | { readonly node: 'string'; readonly text: string }
  | { readonly node: 'blob'; readonly hex: string }
  | { readonly node: 'null' }
  /** `form`: how it was written decides what it is when no such column exists. */
  | { readonly node: 'name'; readonly name: string; readonly form: 'word' | 'name' | 'quoted' }
  | { readonly node: 'unary'; readonly op: '-' | '+' | '~' | 'not'; readonly of: Tree }
  | { readonly node: 'binary'; readonly op: string; readonly left: Tree; readonly right: Tree }
  | {
      readonly node: 'like'
      readonly op: string
      readonly left: Tree
      readonly right: Tree
      readonly escape: Tree | null
    }
  | { readonly node: 'between'; readonly of: Tree; readonly low: Tree; readonly high: Tree }
  | { readonly node: 'in'; readonly of: Tree; readonly list: readonly Tree[] }
  | {
      readonly node: 'case'
      readonly base: Tree | null
      readonly when: readonly (readonly [Tree, Tree])[]
      readonly otherwise: Tree | null
    }
  | { readonly node: 'cast'; readonly of: Tree; readonly type: string }
  | { readonly node: 'collate'; readonly of: Tree; readonly collation: string }
  | { readonly node: 'call'; readonly name: string; readonly args: readonly Tree[] }
