import { literal } from '../connection/quote.ts'
import type { Declaration, DeclaredIndex, DeclaredTable, TableName } from '../contract/declaration.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import { compare, each, list, orNull, step, text, texts } from './plpgsql.ts'
import { indexSql, label, relation } from './postgres-sql.ts'
import {
  addCheck,
  addForeignKey,
  alter,
  createIndex,
  keyIndex,
  keyOfIndex,
  objectOf,
  validate,
} from './postgres-statements.ts'

/** plpgsql: keys, indexes, checks and foreign keys of tables that are there. */
export function lookAtConstraints(declaration: Declaration): string {
  return keys(declaration) + indexes(declaration) + checks(declaration) + foreignKeys(declaration)
}

/** In a transaction an index cannot be built beside writers: they wait until it is there. */
function buildPlainly(at: TableName, index: DeclaredIndex): SchemaStatement {
  return {
    ...createIndex(at, index),
    does: `build the index ${index.name} on ${label(at)}`,
    sql: [indexSql(index, at, '')],
    transaction: true,
    locks: [{ ...at, mode: 'SHARE' }],
  }
}

/** As a step: whether the index is still unfinished, and nobody builds it, is asked again under the lock. */
function dropPlainly(at: TableName, name: string, phase: 'keys' | 'indexes'): string {
  const index = relation({ schema: at.schema, table: name })
  const dropping = alter(at, `drop the index ${name} of ${label(at)}, which is not valid`, [], {
    sql: [`DROP INDEX ${index}`],
    drops: [objectOf('index', at, name)],
  })
  return `${step(dropping, phase)} || jsonb_build_object('unfinished', ${literal(index)})`
}

/** Of a partitioned table an index that is not valid lacks parts: it is being attached, piece by piece. */
const UNFINISHED = (build: string): string => `
      ELSIF facts -> item.rel ->> 'kind' = 'p' THEN
        differing := differing || format('index %s of %s: it lacks partitions. Build it on each of those, and attach it: ALTER INDEX %s ATTACH PARTITION ...',
          item.name, item.label, format('%I.%I', in_schema, item.name));
      ELSE
        todo := todo || item.drop_step || ${build};
      END IF;`

const tablesOf = <T>(
  { schema, tables }: Declaration,
  rows: (at: TableName, table: DeclaredTable) => T[],
): T[] => tables.flatMap((table) => rows({ schema, table: table.name }, table))

const THERE = 'there := there || jsonb_build_array(jsonb_build_array(item.label, item.name));'

/** An index needs a name that nothing else in the schema has. */
const BUILD = (build: string): string => `
        SELECT coalesce(t.relname, 'something that is no index') INTO found_sql
          FROM pg_class AS x JOIN pg_namespace AS n ON n.oid = x.relnamespace
          LEFT JOIN pg_index AS i ON i.indexrelid = x.oid LEFT JOIN pg_class AS t ON t.oid = i.indrelid
          WHERE n.nspname = in_schema AND x.relname = item.name;
        IF found_sql IS NULL THEN
          todo := todo || ${build};
        ELSE
          differing := differing || format('%s of %s: in this schema %s has its name', item.name, item.label, found_sql);
        END IF;`

function keys(declaration: Declaration): string {
  const rows = tablesOf(declaration, (at, table) =>
    [
      ...(table.primaryKey === null ? [] : [{ key: table.primaryKey, kind: 'primary key' as const }]),
      ...table.uniques.map((key) => ({ key, kind: 'unique' as const })),
    ].map(({ key, kind }) => [
      literal(relation(at)),
      literal(label(at)),
      literal(key.name),
      String(key.named),
      literal(kind),
      literal(kind === 'unique' ? 'u' : 'p'),
      texts(key.columns),
      texts(kind === 'unique' ? [] : table.columns.map(({ name }) => name)),
      dropPlainly(at, key.name, 'keys'),
      step({ ...buildPlainly(at, keyIndex(key)), makes: [objectOf('index', at, key.name)] }, 'keys'),
      step(keyOfIndex(at, kind, key), 'keys'),
    ]),
  )
  return each(
    'rel, label, name, named, kind, type, columns, declared_columns, drop_step, build_step, step',
    rows,
    `
      CONTINUE WHEN NOT facts ? item.rel;
      its := NULL;
      SELECT c INTO its FROM jsonb_array_elements(facts -> item.rel -> 'constraints') AS c
        WHERE c ->> 'type' = item.type AND c -> 'columns' = to_jsonb(item.columns)
          AND NOT (c ->> 'deferrable')::boolean AND NOT (c ->> 'special')::boolean
          AND (NOT item.named OR c ->> 'name' = item.name) LIMIT 1;
      IF its IS NOT NULL THEN
        ${THERE}
        CONTINUE;
      END IF;
      SELECT c INTO its FROM jsonb_array_elements(facts -> item.rel -> 'constraints') AS c
        WHERE c ->> 'name' = item.name OR item.type = 'p' AND c ->> 'type' = 'p' LIMIT 1;
      IF its IS NOT NULL THEN
        differing := differing || format('%s of %s: there is %s %s', item.kind, item.label, its ->> 'name', its ->> 'sql');
        CONTINUE;
      END IF;
      SELECT string_agg(c ->> 'name', ', ') INTO found_sql FROM jsonb_array_elements(facts -> item.rel -> 'columns') AS c
        WHERE item.type = 'p' AND NOT (c ->> 'notNull')::boolean AND c ->> 'name' = ANY (item.columns)
          AND c ->> 'name' <> ALL (item.declared_columns);
      IF found_sql IS NOT NULL THEN
        differing := differing || format('primary key of %s: it forbids NULL, and %s allows it', item.label, found_sql);
        CONTINUE;
      END IF;
      SELECT i INTO its FROM jsonb_array_elements(facts -> item.rel -> 'indexes') AS i WHERE i ->> 'name' = item.name;
      IF its IS NULL AND facts -> item.rel ->> 'kind' = 'p' THEN
        differing := differing || format('%s of %s: the table is partitioned, and to add it every row is looked at under the lock: ALTER TABLE %s ADD CONSTRAINT %I %s (...)',
          item.kind, item.label, item.rel, item.name, upper(item.kind));
      ELSIF its IS NULL THEN${BUILD('item.build_step || item.step')}
      ELSIF NOT (its ->> 'unique')::boolean OR its ->> 'method' <> 'btree' OR (its ->> 'special')::boolean
        OR its ->> 'where' IS NOT NULL OR its -> 'columns' <> to_jsonb(item.columns)
        OR its -> 'descending' @> 'true' THEN
        differing := differing || format('%s of %s: an index of its name has another definition: %s', item.kind, item.label, its ->> 'sql');
      ELSIF (its ->> 'valid')::boolean AND EXISTS (SELECT FROM jsonb_array_elements(built) AS b WHERE b ->> 'table' = facts -> item.rel ->> 'table'
        AND b ->> 'name' = item.name AND coalesce(b ->> 'definition', its ->> 'sql') = its ->> 'sql') THEN
        todo := todo || item.step;
      ELSIF (its ->> 'valid')::boolean THEN
        differing := differing || format('%s of %s: somebody else has made an index of its name. To make that the constraint: ALTER TABLE %s ADD CONSTRAINT %I %s USING INDEX %I',
          item.kind, item.label, item.rel, item.name, upper(item.kind), item.name);${UNFINISHED('item.build_step || item.step')}`,
  )
}

function indexes(declaration: Declaration): string {
  const rows = tablesOf(declaration, (at, table) =>
    table.indexes.map((index) => [
      literal(relation(at)),
      literal(label(at)),
      literal(index.name),
      String(index.unique),
      literal(index.method),
      list(index.parts.map((part) => ('column' in part ? literal(part.column) : 'NULL'))),
      texts(index.parts.flatMap((part) => ('sql' in part ? [part.sql] : []))),
      list(index.parts.map(({ descending }) => String(descending))),
      orNull(index.where, text),
      dropPlainly(at, index.name, 'indexes'),
      step(buildPlainly(at, index), 'indexes'),
    ]),
  )
  return each(
    'rel, label, name, is_unique, method, columns, expressions, descending, condition, drop_step, step',
    rows,
    `
      CONTINUE WHEN NOT facts ? item.rel;
      its := NULL;
      SELECT i INTO its FROM jsonb_array_elements(facts -> item.rel -> 'indexes') AS i WHERE i ->> 'name' = item.name;
      IF its IS NULL THEN${BUILD('item.step')}
        CONTINUE;
      END IF;
      is_same := (its ->> 'unique')::boolean = item.is_unique AND its ->> 'method' = item.method
        AND NOT (its ->> 'special')::boolean AND its -> 'columns' = item.columns
        AND its -> 'descending' = item.descending AND (its ->> 'where' IS NULL) = (item.condition IS NULL);
      -- Of an expression the server tells its collation only with the whole index.
      SELECT count(*) INTO collations FROM regexp_matches(its ->> 'sql', ' COLLATE ', 'g');
      SELECT collations - count(*) INTO collations FROM regexp_matches(
        (its -> 'expressions')::text || coalesce(its ->> 'where', ''), ' COLLATE ', 'g');
      is_same := is_same AND collations = 0;
      FOR n IN 1 .. cardinality(item.expressions) LOOP
        EXIT WHEN NOT is_same;
        found_sql := its -> 'expressions' ->> (n - 1);${compare('item.expressions[n]', 'found_sql', 'item.rel')}
      END LOOP;
      IF is_same AND item.condition IS NOT NULL THEN
        found_sql := its ->> 'where';${compare('item.condition', 'found_sql', 'item.rel')}
      END IF;
      IF NOT is_same THEN
        differing := differing || format('index %s of %s: it has another definition: %s', item.name, item.label, its ->> 'sql');
      ELSIF (its ->> 'valid')::boolean THEN
        ${THERE}${UNFINISHED('item.step')}`,
  )
}

const NOT_VALIDATED = (refers: string): string =>
  `todo := todo || jsonb_set(item.validate_step, '{sql}', jsonb_build_array(format('ALTER TABLE %s VALIDATE CONSTRAINT %I', item.rel, ${refers})));`

const JUDGE = (kind: string, more = ''): string => `
      IF (its ->> 'validated')::boolean THEN
        ${THERE}
      ELSIF its IS NOT NULL THEN
        ${NOT_VALIDATED("its ->> 'name'")}
      ELSIF EXISTS (SELECT FROM jsonb_array_elements(facts -> item.rel -> 'constraints') AS c WHERE c ->> 'name' = item.name) THEN
        differing := differing || format('${kind} %s of %s: a constraint of its name has another definition', item.name, item.label);${more}
      ELSE
        todo := todo || item.step || item.validate_step;
      END IF;`

const PARTITIONED = `
      ELSIF facts -> item.rel ->> 'kind' = 'p' THEN
        differing := differing || format('foreign key %s of %s: the table is partitioned, and to add it every row is looked at under the lock', item.name, item.label);`

function checks(declaration: Declaration): string {
  const rows = tablesOf(declaration, (at, table) =>
    table.checks.map((check) => [
      literal(relation(at)),
      literal(label(at)),
      literal(check.name),
      String(check.named),
      text(check.sql),
      step(addCheck(at, check), 'checks'),
      step(validate(at, check.name, null), 'checks'),
    ]),
  )
  return each(
    'rel, label, name, named, condition, step, validate_step',
    rows,
    `
      CONTINUE WHEN NOT facts ? item.rel;
      its := NULL;
      FOR other IN SELECT c FROM jsonb_array_elements(facts -> item.rel -> 'constraints') AS c
        WHERE c ->> 'type' = 'c' AND NOT (c ->> 'special')::boolean AND (NOT item.named OR c ->> 'name' = item.name) LOOP
        found_sql := other ->> 'expression';${compare('item.condition', 'found_sql', 'item.rel')}
        IF is_same THEN
          its := other;
          EXIT;
        END IF;
      END LOOP;${JUDGE('check')}`,
  )
}

/** Pairs of columns: in which order they are written says nothing. */
const PAIRS = (columns: string, to: string): string =>
  `(SELECT jsonb_agg(jsonb_build_array(l.part, r.part) ORDER BY l.part, r.part)
            FROM jsonb_array_elements_text(${columns}) WITH ORDINALITY AS l (part, n)
            JOIN jsonb_array_elements_text(${to}) WITH ORDINALITY AS r (part, n) USING (n))`

function foreignKeys(declaration: Declaration): string {
  const rows = tablesOf(declaration, (at, table) =>
    table.foreignKeys.map((key) => {
      const declared = declaration.tables.find(
        ({ name }) => name === key.refers.table && key.refers.schema === declaration.schema,
      )
      return [
        literal(relation(at)),
        literal(label(at)),
        literal(key.name),
        String(key.named),
        texts(key.columns),
        literal(relation(key.refers)),
        String(declared !== undefined),
        key.refColumns === null ? 'NULL::text[]' : texts(key.refColumns),
        orNull(declared?.primaryKey?.columns ?? null, texts),
        literal(key.onDelete),
        literal(key.onUpdate),
        step(addForeignKey(at, key), 'foreign keys'),
        step(validate(at, key.name, key.refers), 'foreign keys'),
      ]
    }),
  )
  return each(
    'rel, label, name, named, columns, refers, refers_declared, ref_columns, declared_key, on_delete, on_update, step, validate_step',
    rows,
    `
      IF NOT item.refers_declared AND NOT facts ? item.refers THEN
        differing := differing || format('foreign key %s of %s: there is no table %s', item.name, item.label, item.refers);
        CONTINUE;
      END IF;
      IF NOT facts ? item.rel THEN
        todo := todo || item.step || item.validate_step;
        CONTINUE;
      END IF;
      its := NULL;
      SELECT c -> 'columns' INTO other FROM jsonb_array_elements(facts -> item.refers -> 'constraints') AS c WHERE c ->> 'type' = 'p';
      other := coalesce(to_jsonb(item.ref_columns), other, to_jsonb(item.declared_key), '[]');
      SELECT c INTO its FROM jsonb_array_elements(facts -> item.rel -> 'constraints') AS c
        WHERE c ->> 'type' = 'f' AND NOT (c ->> 'deferrable')::boolean AND NOT (c ->> 'special')::boolean
          AND format('"%s"."%s"', replace(c ->> 'refSchema', '"', '""'), replace(c ->> 'refTable', '"', '""')) = item.refers
          AND c ->> 'onDelete' = item.on_delete AND c ->> 'onUpdate' = item.on_update
          AND (NOT item.named OR c ->> 'name' = item.name)
          AND ${PAIRS("c -> 'columns'", "c -> 'refColumns'")}
            = ${PAIRS('to_jsonb(item.columns)', 'other')} LIMIT 1;${JUDGE('foreign key', PARTITIONED)}`,
  )
}
