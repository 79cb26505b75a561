import { literal } from '../connection/quote.ts'
import type { Declaration, TableName } from '../contract/declaration.ts'
import { PHASES, type Phase } from './difference.ts'
import { each, step } from './plpgsql.ts'
import { factsQuery } from './postgres-facts.ts'
import { label, relation } from './postgres-sql.ts'
import { createSchema, createTable } from './postgres-statements.ts'
import { addMissingColumns, type FileTypes, lookAtColumns, lookForTypes } from './sql-file-columns.ts'
import { lookAtConstraints } from './sql-file-keys.ts'
import { lookAtRows, lookForColumns } from './sql-file-rows.ts'

/** What the looking needs, as variables of plpgsql. */
export const LOOKING_VARIABLES = `
  facts jsonb;               -- what the catalog says of the tables, by name
  types jsonb;               -- the types that were not known when this file was written
  filled jsonb;              -- whether a table holds rows
  adding jsonb;              -- missing columns
  there jsonb;               -- what is as declared
  built jsonb;               -- indexes that this declaration has built
  differing text[];          -- what is there in another form
  todo jsonb;                -- statements for what is missing
  item record;
  its jsonb;
  other jsonb;
  problems text[];
  printed text;
  its_type text;
  type_oid oid;
  type_sql text;
  found_sql text;
  candidate text;
  explained json;
  is_same boolean;
  collations bigint;
  is_domain boolean;
  is_filled boolean;`

/** plpgsql: compares what is declared with what is there; fills \`there\`, \`differing\` and \`todo\`. */
export function look(declaration: Declaration, types: FileTypes): string {
  return `
    facts := '{}'; types := '{}'; filled := '{}'; adding := '[]'; there := '[]'; differing := '{}'; todo := '[]';
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = in_schema) THEN
      todo := todo || ${step(createSchema(declaration.schema), 'schema')};
    END IF;
    FOR its IN ${factsQuery(literal(JSON.stringify(named(declaration))))} LOOP
      facts := facts || jsonb_build_object(
        format('"%s"."%s"', replace(its ->> 'schema', '"', '""'), replace(its ->> 'table', '"', '""')), its);
    END LOOP;${lookForBuilt(declaration)}${lookForTypes(types)}${tables(declaration, types)}${lookForColumns(declaration)}${lookAtColumns(declaration, types)}${addMissingColumns(phase)}${lookAtConstraints(declaration)}${lookAtRows(declaration)}
    todo := coalesce((SELECT jsonb_agg(s ORDER BY (s ->> 'phase')::integer, n) FROM jsonb_array_elements(todo) WITH ORDINALITY AS t (s, n)), '[]');`
}

/** What this declaration has built is known from its record, in the server's words of an empty search path. */
function lookForBuilt({ name, schema }: Declaration): string {
  return `
    built := '[]';
    IF to_regclass('landfall.declared') IS NOT NULL AND has_schema_privilege('landfall', 'USAGE')
      AND has_table_privilege('landfall.declared', 'SELECT') THEN
      SELECT coalesce(jsonb_agg(jsonb_build_object('table', table_name, 'name', name, 'definition', definition)), '[]') INTO built
        FROM landfall.declared WHERE declaration = ${literal(name)} AND kind = 'index' AND schema_name = ${literal(schema)};
    END IF;`
}

const phase = (name: string): string => String(PHASES.indexOf(name as Phase))

function named({ schema, tables }: Declaration): readonly TableName[] {
  const all = tables.flatMap((table) => [
    { schema, table: table.name },
    ...table.foreignKeys.map(({ refers }) => ({ schema: refers.schema, table: refers.table })),
    ...table.columns.flatMap(({ type }) => (type.kind === 'as referenced' ? [type.table] : [])),
  ])
  return [...new Map(all.map((one) => [relation(one), { schema: one.schema, table: one.table }])).values()]
}

/** A new table is made with all it has but foreign keys. */
function tables({ schema, tables: declared }: Declaration, types: FileTypes): string {
  const rows = declared.map((table) => {
    const at = { schema, table: table.name }
    return [
      literal(relation(at)),
      literal(label(at)),
      step(createTable(at, table, types.of.get(table.name)!), 'table'),
    ]
  })
  return each(
    'rel, label, step',
    rows,
    `
      IF NOT facts ? item.rel THEN
        todo := todo || item.step;
      ELSIF facts -> item.rel ->> 'kind' NOT IN ('r', 'p') THEN
        differing := differing || format('%s: something else than a table has the name', item.label);
        facts := facts - item.rel;
      ELSE
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', item.rel) INTO is_filled;
        filled := filled || jsonb_build_object(item.rel, is_filled);
      END IF;`,
  )
}
