/** The type of a declared column. */
export interface ResolvedType {
  /** For statements: as declared, or the type of the key that the column refers to. */
  readonly sql: string
  /** As the server prints it. */
  readonly printed: string
  /** Adding a column of a domain can mean to look at every row. */
  readonly domain: boolean
}
