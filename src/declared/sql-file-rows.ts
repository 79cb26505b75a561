import { ident, literal } from '../connection/quote.ts'
import type { Declaration } from '../contract/declaration.ts'
import { rowCondition } from './definition.ts'
import { AS_CATALOG, AS_DECLARED, each, step, text, texts } from './plpgsql.ts'
import { label, relation } from './postgres-sql.ts'
import { insertRows, nameOfRow } from './postgres-statements.ts'

/** plpgsql: rows to have, found by their key. */
export function lookAtRows({ schema, tables }: Declaration): string {
  const rows = tables.flatMap(({ name, rows: declared }) => {
    const at = { schema, table: name }
    if (declared === null) return []
    const { key } = declared
    return declared.rows.map((row) => {
      const others = Object.keys(row).filter((column) => !key.includes(column))
      const condition = rowCondition(nameOfRow(key, row))
      const unless = `SELECT EXISTS (SELECT FROM ${relation(at)} AS t WHERE ${condition})`
      return [
        literal(relation(at)),
        literal(label(at)),
        literal(`the row ${key.map((column) => `${column} = ${row[column]}`).join(', ')}`),
        texts(key),
        text(condition),
        texts(others),
        texts(others.map(ident)),
        texts(others.map((column) => row[column]!)),
        `${step(insertRows(at, key, [row]), 'rows')} || jsonb_build_object('unless', ${text(unless)})`,
      ]
    })
  })
  return each(
    'rel, label, name, key_columns, condition, columns, quoted, wanted, step',
    rows,
    `
      its := facts -> item.rel -> 'columns';
      -- A key that is only now added has no values yet.
      IF its IS NULL OR NOT (SELECT array_agg(c ->> 'name') FROM jsonb_array_elements(its) AS c) @> item.key_columns THEN
        todo := todo || item.step;
        CONTINUE;
      END IF;
      candidate := format('SELECT EXISTS (SELECT FROM %s AS t WHERE %s)', item.rel, item.condition);
      ${AS_DECLARED}
      EXECUTE candidate INTO is_same;
      ${AS_CATALOG}
      IF NOT is_same THEN
        todo := todo || item.step;
        CONTINUE;
      END IF;
      problems := '{}';
      FOR n IN 1 .. cardinality(item.columns) LOOP
        SELECT c ->> 'type' INTO printed FROM jsonb_array_elements(its) AS c WHERE c ->> 'name' = item.columns[n];
        CONTINUE WHEN printed IS NULL;
        found_sql := 'there is none';
        candidate := format('SELECT coalesce(pg_catalog.quote_literal(t.%1$s::pg_catalog.text), ''NULL'') FROM %2$s AS t
          WHERE %3$s AND t.%1$s::pg_catalog.text IS DISTINCT FROM ((%4$s)::%5$s)::pg_catalog.text LIMIT 1',
          item.quoted[n], item.rel, item.condition, item.wanted[n], printed);
        ${AS_DECLARED}
        EXECUTE candidate INTO found_sql;
        ${AS_CATALOG}
        IF found_sql IS NOT NULL THEN
          problems := problems || format('%s is %s and not %s', item.columns[n], found_sql, item.wanted[n]);
        END IF;
      END LOOP;
      IF problems = '{}' THEN
        there := there || jsonb_build_array(jsonb_build_array(item.label, item.name));
      ELSE
        differing := differing || format('%s of %s: %s', item.name, item.label, array_to_string(problems, '; '));
      END IF;`,
  )
}

/** plpgsql: columns that are named and not declared must be there. */
export function lookForColumns({ schema, tables }: Declaration): string {
  const rows = tables.flatMap((table) => {
    const at = { schema, table: table.name }
    const named = new Set([
      ...(table.primaryKey?.columns ?? []),
      ...table.uniques.flatMap(({ columns }) => columns),
      ...table.indexes.flatMap(({ parts }) =>
        parts.flatMap((part) => ('column' in part ? [part.column] : [])),
      ),
      ...table.foreignKeys.flatMap(({ columns }) => columns),
      ...(table.rows?.rows.flatMap((row) => Object.keys(row)) ?? []),
    ])
    return [...named]
      .filter((column) => !table.columns.some(({ name }) => name === column))
      .map((column) => [literal(relation(at)), literal(label(at)), literal(column)])
  })
  return each(
    'rel, label, name',
    rows,
    `
      IF NOT EXISTS (SELECT FROM jsonb_array_elements(facts -> item.rel -> 'columns') AS c WHERE c ->> 'name' = item.name) THEN
        differing := differing || format('%s: there is no column %s, and none is declared', item.label, item.name);
      END IF;`,
  )
}
