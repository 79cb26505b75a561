import { literal } from '../connection/quote.ts'
import type {
  Declaration,
  DeclaredColumn,
  DeclaredTable,
  DeclaredType,
  TableName,
} from '../contract/declaration.ts'
import { AS_CATALOG, AS_DECLARED, compare, each, orNull, step, text, texts } from './plpgsql.ts'
import { columnSql, commentSql, defaultSql, label, relation } from './postgres-sql.ts'
import { commentsOf, setComment } from './postgres-statements.ts'
import type { ResolvedType } from './postgres-types.ts'

/** Types of columns, where some are known only when the file is run: a mark stands for those. */
export interface FileTypes {
  /** By table and column. */
  readonly of: ReadonlyMap<string, ReadonlyMap<string, ResolvedType>>
  readonly marks: readonly { readonly mark: string; readonly where: string; readonly type: Referenced }[]
}

type Referenced = Extract<DeclaredType, { kind: 'as referenced' }>

export function fileTypes(declaration: Declaration): FileTypes {
  const marks: { mark: string; where: string; type: Referenced }[] = []
  const resolved = (column: DeclaredColumn, table: DeclaredTable): ResolvedType => {
    const type = declaredType(declaration, column)
    if (type.kind === 'named') return { sql: type.sql, printed: type.sql, domain: false }
    const mark = `<type of ${label(type.table)}.${type.column ?? 'its key'}>`
    if (!marks.some((one) => one.mark === mark))
      marks.push({ mark, where: `${table.name}.${column.name}`, type })
    return { sql: mark, printed: mark, domain: false }
  }
  const of = new Map(
    declaration.tables.map((table) => [
      table.name,
      new Map(table.columns.map((column) => [column.name, resolved(column, table)])),
    ]),
  )
  return { of, marks }
}

/** Follows references to declared columns. */
function declaredType(declaration: Declaration, { type }: DeclaredColumn): DeclaredType {
  const seen: DeclaredColumn[] = []
  for (;;) {
    if (type.kind === 'named' || type.table.schema !== declaration.schema) return type
    const { table, column } = type
    const parent = declaration.tables.find(({ name }) => name === table.table)
    const key = column === null ? parent?.primaryKey?.columns : [column]
    const found = key?.length === 1 ? parent?.columns.find(({ name }) => name === key[0]) : undefined
    if (found === undefined || seen.includes(found)) return type
    seen.push(found)
    type = found.type
  }
}

/** plpgsql: finds the types that the marks stand for. */
export function lookForTypes({ marks }: FileTypes): string {
  const rows = marks.map(({ mark, where, type }) => [
    literal(mark),
    literal(where),
    literal(relation(type.table)),
    orNull(type.column, literal),
  ])
  return each(
    'mark, needed_for, rel, column_name',
    rows,
    `
      SELECT c ->> 'type' INTO printed FROM jsonb_array_elements(facts -> item.rel -> 'columns') AS c
        WHERE c -> 'name' = coalesce(to_jsonb(item.column_name),
          (SELECT k #> '{columns,0}' FROM jsonb_array_elements(facts -> item.rel -> 'constraints') AS k
            WHERE k ->> 'type' = 'p' AND jsonb_array_length(k -> 'columns') = 1));
      IF printed IS NULL THEN
        RAISE EXCEPTION '%: % is not there, so its type is not known', item.needed_for, item.mark
          USING HINT = 'Nothing was changed.';
      END IF;
      types := types || jsonb_build_object(item.mark, printed);`,
  )
}

/** plpgsql: columns of tables that are there, and the comments of what is there. */
export function lookAtColumns(declaration: Declaration, types: FileTypes): string {
  return columns(declaration, types) + comments(declaration)
}

function columns(declaration: Declaration, types: FileTypes): string {
  const rows = declaration.tables.flatMap((table) => {
    const at: TableName = { schema: declaration.schema, table: table.name }
    return table.columns.map((column) => {
      const type = types.of.get(table.name)!.get(column.name)!
      const value = defaultSql(column)
      const names = column.default?.kind === 'now' ? NOW : value === null ? null : [value]
      return [
        literal(relation(at)),
        literal(label(at)),
        literal(column.name),
        text(type.sql),
        names === null ? 'NULL::text[]' : texts(names),
        literal(column.default?.kind ?? 'none'),
        String(column.notNull),
        String(column.identity),
        text(columnSql(column, type)),
        text(columnSql(column, type, true)),
        orNull(column.comment, (comment) => text(commentSql(at, column.name, comment))),
      ]
    })
  })
  return each(
    'rel, label, column_name, type_sql, default_sql, default_kind, not_null, identity, definition, without_default, comment_sql',
    rows,
    `
      type_sql := coalesce(types ->> item.type_sql, item.type_sql);
      SELECT c INTO its FROM jsonb_array_elements(facts -> item.rel -> 'columns') AS c
        WHERE c ->> 'name' = item.column_name;
      candidate := format('SELECT pg_catalog.pg_typeof(NULL::%s)::pg_catalog.oid', type_sql);
      ${AS_DECLARED}
      EXECUTE candidate INTO type_oid;
      ${AS_CATALOG}
      SELECT typtype = 'd', format_type(oid, NULL), its ->> 'type' INTO is_domain, printed, its_type FROM pg_type WHERE oid = type_oid;
      IF NOT is_domain THEN
        candidate := format('EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT NULL::%s, NULL::%s', type_sql, coalesce(its_type, type_sql));
        ${AS_DECLARED}
        EXECUTE candidate INTO explained;
        ${AS_CATALOG}
        printed := regexp_replace(explained #>> '{0,Plan,Output,0}', '^NULL::', '');
        its_type := regexp_replace(explained #>> '{0,Plan,Output,1}', '^NULL::', '');
      END IF;
      -- A default that is no value of the type is refused by the server here, before anything is made with it.
      IF item.default_sql IS NOT NULL THEN
        candidate := format('EXPLAIN SELECT (%s)::%s', item.default_sql[1], type_sql);
        ${AS_DECLARED}
        EXECUTE candidate;
        ${AS_CATALOG}
      END IF;
      CONTINUE WHEN NOT facts ? item.rel;
      problems := '{}';
      IF its IS NULL THEN
        IF (filled ->> item.rel)::boolean AND (item.identity OR is_domain
          OR item.not_null AND item.default_kind NOT IN ('now', 'constant')) THEN
          problems := ARRAY['it cannot be added to rows that are there without a long lock on the table'];
        ELSE
          adding := adding || to_jsonb(item);
        END IF;
      ELSIF (its ->> 'generated')::boolean THEN
        problems := ARRAY['it is generated from other columns'];
      ELSE
        IF its_type <> printed THEN
          problems := problems || format('its type is %s and not %s. To change it (every row is written anew, under a lock): ALTER TABLE %s ALTER COLUMN %I TYPE %s',
            its_type, printed, item.rel, item.column_name, type_sql);
        END IF;
        is_same := false;
        IF item.identity THEN
          is_same := (its ->> 'numbered')::boolean;
        ELSIF item.default_sql IS NULL OR its ->> 'default' IS NULL THEN
          is_same := item.default_sql IS NULL AND its ->> 'default' IS NULL AND NOT (its ->> 'numbered')::boolean;
        ELSE
          FOREACH candidate IN ARRAY item.default_sql || CASE
            WHEN item.default_kind <> 'now' THEN '{}'::text[]
            WHEN printed = 'date' THEN ARRAY['CURRENT_DATE']
            WHEN printed ~ 'without time zone$' THEN ARRAY['LOCALTIMESTAMP']
            ELSE '{}' END LOOP
            candidate := format('(%s)::%s', candidate, type_sql);
            found_sql := format('(%s)::%s', its ->> 'default', type_sql);${compare('candidate', 'found_sql', null)}
            EXIT WHEN is_same;
          END LOOP;
        END IF;
        IF NOT is_same THEN
          problems := problems || format('its default is %s and not %s',
            coalesce(its ->> 'default', CASE WHEN (its ->> 'numbered')::boolean THEN 'a number of the server' ELSE 'none' END),
            CASE WHEN item.identity THEN 'a number of the server' ELSE coalesce(item.default_sql[1], 'none') END);
        END IF;
        IF item.not_null <> (its ->> 'notNull')::boolean THEN
          problems := problems || CASE WHEN item.not_null THEN 'it allows NULL' ELSE 'it forbids NULL' END;
        END IF;
        IF its ->> 'collation' IS NOT NULL THEN
          problems := problems || format('its collation is %s', its ->> 'collation');
        END IF;
        IF item.identity AND (its ->> 'always')::boolean THEN
          problems := problems || 'it refuses numbers of others (GENERATED ALWAYS)'::text;
        END IF;
        IF item.not_null AND (its ->> 'unvalidated')::boolean THEN
          problems := problems || 'rows of before may hold NULL, for its NOT NULL was never validated'::text;
        END IF;
        IF problems = '{}' THEN
          there := there || jsonb_build_array(jsonb_build_array(item.label, item.column_name));
        END IF;
      END IF;
      IF problems <> '{}' THEN
        differing := differing || format('column %s.%s: %s', item.label, item.column_name, array_to_string(problems, '; '));
      END IF;`,
  )
}

/** The moment of the transaction has several names. */
const NOW = ['now()', 'CURRENT_TIMESTAMP', 'transaction_timestamp()']

function comments(declaration: Declaration): string {
  const rows = declaration.tables.flatMap((table) => {
    const at = { schema: declaration.schema, table: table.name }
    return commentsOf(at, table).map(({ object, text: comment }) => [
      literal(relation(at)),
      literal(label(at)),
      literal(object.name),
      text(comment),
      step(setComment(at, object.name, comment), 'comments'),
    ])
  })
  return each(
    'rel, label, column_name, comment, step',
    rows,
    `
      its := facts -> item.rel;
      IF item.column_name <> '' THEN
        SELECT c INTO its FROM jsonb_array_elements(its -> 'columns') AS c WHERE c ->> 'name' = item.column_name;
      END IF;
      CONTINUE WHEN its IS NULL OR its ->> 'comment' = item.comment;
      IF its ->> 'comment' IS NULL THEN
        todo := todo || item.step;
      ELSE
        differing := differing || format('comment on %s: it is %L and not %L',
          concat_ws('.', item.label, nullif(item.column_name, '')), its ->> 'comment', item.comment);
      END IF;`,
  )
}

/** plpgsql: all missing columns of a table are added under one lock. */
export const addMissingColumns = (record: (kind: string) => string): string => `
    FOR item IN SELECT c ->> 'rel' AS rel, min(c ->> 'label') AS label, min(n) AS at, jsonb_agg(c ORDER BY n) AS columns
      FROM jsonb_array_elements(adding) WITH ORDINALITY AS a (c, n) GROUP BY 1 ORDER BY 3 LOOP
      is_filled := (filled ->> item.rel)::boolean;
      todo := todo || (SELECT jsonb_build_object(
        'phase', ${record('columns')},
        'does', format('add %s to %s%s', string_agg(c ->> 'column_name', ', ' ORDER BY n), item.label,
          string_agg('; rows that are there get no ' || (c ->> 'column_name'), '' ORDER BY n)
            FILTER (WHERE is_filled AND c ->> 'default_kind' = 'expression')),
        'sql', jsonb_build_array(format(E'ALTER TABLE %s\\n  %s', item.rel, string_agg('ADD COLUMN ' || CASE
            WHEN is_filled AND c ->> 'default_kind' = 'expression' THEN c ->> 'without_default'
            ELSE c ->> 'definition' END, E',\\n  ' ORDER BY n)))
          || coalesce(jsonb_agg(format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', item.rel, c ->> 'column_name',
            c #>> '{default_sql,0}') ORDER BY n) FILTER (WHERE is_filled AND c ->> 'default_kind' = 'expression'), '[]')
          || coalesce(jsonb_agg(c ->> 'comment_sql' ORDER BY n) FILTER (WHERE c ->> 'comment_sql' IS NOT NULL), '[]'),
        'locks', jsonb_build_array(jsonb_build_array(item.rel, 'ACCESS EXCLUSIVE', NULL)),
        'makes', jsonb_agg(jsonb_build_array('column', facts -> item.rel -> 'table', c ->> 'column_name') ORDER BY n)
          || coalesce(jsonb_agg(jsonb_build_array('comment', facts -> item.rel -> 'table', c ->> 'column_name') ORDER BY n)
            FILTER (WHERE c ->> 'comment_sql' IS NOT NULL), '[]'))
        FROM jsonb_array_elements(item.columns) WITH ORDINALITY AS a (c, n));
    END LOOP;`
