import { describe, expect, test } from 'vitest'
import { parseCreateIndex, parseCreateTable, unwrapExpression } from '../../src/catalog/sqlite-ddl.ts'
import { foldName, nameOf, tokenize } from '../../src/catalog/sqlite-tokens.ts'

describe('tokens', () => {
  test('all four kinds of quotes, with their escapes', () => {
    const names = tokenize('"a""b" [c"d] `e``f` \'g\'\'h\' plain Ünï\u00a0x').map(nameOf)
    expect(names).toEqual(['a"b', 'c"d', 'e`f', "g'h", 'plain', 'Ünï\u00a0x'])
  })

  test('comments hide what is in them and quotes hide comments', () => {
    const texts = tokenize(`a /* b ( ' */ c -- d )\n'-- e' "/* f */" /* open`).map((token) => token.text)
    expect(texts).toEqual(['a', 'c', "'-- e'", '"/* f */"'])
  })

  test('names fold in ASCII only', () => {
    expect(foldName('ÉcoleID')).toBe('Écoleid')
  })
})

describe('CREATE TABLE', () => {
  test('constraints of columns and of the table, with and without names and commas', () => {
    const definition = parseCreateTable(`CREATE TABLE [t(] (
      a VARCHAR(20) CONSTRAINT [c 1] CHECK (a <> ')' /* ) */) COLLATE nocase DEFAULT (('x')),
      b INT DEFAULT -1 CHECK(b IN (1,2)) REFERENCES P (x) ON DELETE SET DEFAULT CHECK (b > 0) NOT DEFERRABLE,
      "c,d" CONSTRAINT u1 UNIQUE CONSTRAINT r1 REFERENCES q ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,
      CONSTRAINT pk PRIMARY KEY (a, b) ON CONFLICT REPLACE CONSTRAINT u2 UNIQUE (b, "c,d")
      CONSTRAINT f2 FOREIGN KEY (a, b) REFERENCES "P" MATCH FULL DEFERRABLE CHECK ( a || b -- both
        <> '' )
    )`)
    expect(definition.checks).toEqual([
      { name: 'c 1', expression: "a <> ')'" },
      { name: null, expression: 'b IN (1,2)' },
      { name: null, expression: 'b > 0' },
      { name: null, expression: "a || b -- both\n        <> ''" },
    ])
    expect(definition.columns.get('a')).toEqual({ collation: 'nocase', generated: null })
    expect([...definition.columns.keys()]).toEqual(['a', 'b', 'c,d'])
    expect(definition.primaryKeyName).toBe('pk')
    expect(definition.uniques).toEqual([
      { name: 'u1', columns: ['c,d'] },
      { name: 'u2', columns: ['b', 'c,d'] },
    ])
    expect(definition.foreignKeys).toEqual([
      { name: null, refTable: 'p', deferrable: 'no' },
      { name: 'r1', refTable: 'q', deferrable: 'deferred' },
      { name: 'f2', refTable: 'p', deferrable: 'immediate' },
    ])
    expect(definition.autoincrement).toBe(false)
  })

  test('a default or a name that is spelled like a keyword is none', () => {
    const definition = parseCreateTable(
      `CREATE TABLE t("check" TEXT DEFAULT "unique", [autoincrement] INT, 'as' x'00' DEFAULT 'collate b')`,
    )
    expect(definition.autoincrement).toBe(false)
    expect(definition.checks).toEqual([])
    expect(definition.uniques).toEqual([])
    expect([...definition.columns.keys()]).toEqual(['check', 'autoincrement', 'as'])
  })

  test('AUTOINCREMENT is found inside a table constraint', () => {
    expect(parseCreateTable('CREATE TABLE t(a INTEGER, PRIMARY KEY (a AUTOINCREMENT))').autoincrement).toBe(
      true,
    )
  })
})

describe('CREATE INDEX', () => {
  test('parts, predicate, and COLLATE of the part or of an operand', () => {
    const definition = parseCreateIndex(
      `CREATE UNIQUE INDEX "on (x)" ON [t](a, lower("b,c") COLLATE nocase DESC, (a + 1) ASC, a || b COLLATE nocase)
       WHERE a > 0 AND b <> ')' -- end`,
    )
    expect(definition).toEqual({
      parts: ['a', 'lower("b,c")', 'a + 1', 'a || b COLLATE nocase'],
      where: "a > 0 AND b <> ')'",
    })
  })
})

test('parentheses around the whole of an expression fall, others stay', () => {
  expect(unwrapExpression("((datetime('now')))")).toBe("datetime('now')")
  expect(unwrapExpression('(1) + (2)')).toBe('(1) + (2)')
  expect(unwrapExpression('"0" -- a string')).toBe('"0"')
})
