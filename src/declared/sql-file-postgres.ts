import { dollarQuoted, literal } from '../connection/quote.ts'
import type { Declaration } from '../contract/declaration.ts'
import { AS_CATALOG, AS_DECLARED, each, text } from './plpgsql.ts'
import { searchPath } from './postgres-difference.ts'
import { fileTypes } from './sql-file-columns.ts'
import { BUSY_VARIABLES, LOCK_ALL, MAY_COMMIT } from './sql-file-locks.ts'
import { LOOKING_VARIABLES, look } from './sql-file-look.ts'
import {
  begin,
  MAKE_RECORD,
  MAKING_VARIABLES,
  makeStep,
  REFUSE_WITHOUT_RIGHTS,
  RESTORE_SETTINGS,
  SETTINGS_BEFORE,
} from './sql-file-make.ts'

/**
 * The declaration as one file of SQL for PostgreSQL 12 or later: one DO block, which looks, refuses or makes
 * what is missing, and looks again. Where it is not part of a larger transaction it ends its own after each
 * statement, so that no lock is held longer than its statement needs it.
 */
export function postgresSqlFile(declaration: Declaration): string {
  const block = body(declaration)
  return `${header(declaration)}\nDO ${dollarQuoted(block, 'landfall')};\n`
}

function header({ name, schema, tables, invariants }: Declaration): string {
  const names = tables.map((table) => table.name).join(', ')
  const lines = [
    `The schema that is declared under the name ${name}, for PostgreSQL 12 or later.`,
    `Written by landfall schema sql from the configuration; change that, not this file.`,
    '',
    `Tables: ${names === '' ? 'none' : names}; in the schema ${schema}. Invariants: ${invariants.length}.`,
    '',
    'Before:  a backup.',
    'Run:     psql -X -v ON_ERROR_STOP=1 -f FILE "the database"',
    '         or open it in a graphical client and run it as it is; there is nothing to fill in.',
    '         It can be run any number of times: what is there already is left alone.',
    '         What is there in another form is listed, and then nothing at all is changed.',
    '         It tells by NOTICE what it does, and at the end verifies all that is declared.',
    'Locks:   none is waited for longer than a moment; one that is not to be had is asked for again.',
    '         An index on a table with rows is built plainly: until it is there, nobody can write to the table.',
    '         landfall schema apply builds it while the table is in use.',
    'In one:  psql -1 -f FILE, or a client that does not commit by itself, makes it all or nothing,',
    '         at the price that every lock is held to the end. So a lock that is not to be had at once',
    '         is an error there, and nothing is changed.',
    'Undo:    landfall schema undo, which knows from the table landfall.declared what was made here.',
  ]
  return lines.map((line) => `-- ${line}`.replaceAll(/[\r\n]+/g, ' ').trimEnd()).join('\n')
}

function body(declaration: Declaration): string {
  const types = fileTypes(declaration)
  return `
#variable_conflict use_column
DECLARE
  in_schema CONSTANT text := ${literal(declaration.schema)};
  declared_path CONSTANT text := ${literal(searchPath(declaration))};
  alone boolean;             -- outside of a larger transaction: it may end its own${SETTINGS_BEFORE}${LOOKING_VARIABLES}${MAKING_VARIABLES}${BUSY_VARIABLES}
  broken text[] := '{}';
BEGIN
  IF current_setting('server_version_num')::integer < 120000 THEN
    RAISE EXCEPTION 'PostgreSQL % is too old: 12 or later is needed', current_setting('server_version');
  END IF;
  IF current_setting('standard_conforming_strings') <> 'on' THEN
    RAISE EXCEPTION 'standard_conforming_strings must be on';
  END IF;
${MAY_COMMIT}
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'transactions are %, and do not see what others change', current_setting('transaction_isolation') USING
      HINT = 'SET default_transaction_isolation = ''read committed'', and run it again.';
  END IF;
  FOR turn IN 1 .. 2 LOOP${begin(declaration)}

    -- What is declared beside what is there ---------------------------------------------------------------${look(declaration, types)}

    -- What was found --------------------------------------------------------------------------------------
    IF differing <> '{}' THEN
      FOREACH statement IN ARRAY differing LOOP
        RAISE WARNING 'different: %', statement;
      END LOOP;
      RAISE EXCEPTION '% not as declared: %', CASE cardinality(differing) WHEN 1 THEN 'one thing is' ELSE cardinality(differing) || ' things are' END,
        array_to_string(differing, E'\\n') USING HINT = CASE turn WHEN 1 THEN 'Nothing was changed. Change what differs, or the declaration, and run it again.'
        ELSE 'Somebody else has changed it meanwhile.' END;
    END IF;
    IF turn = 2 AND todo <> '[]' THEN
      RAISE EXCEPTION 'verification: still missing: %', (SELECT string_agg(s ->> 'does', '; ') FROM jsonb_array_elements(todo) AS s);
    END IF;
    IF turn = 1 THEN
      FOR item IN SELECT t ->> 0 AS label, string_agg(t ->> 1, ', ' ORDER BY n) AS names
        FROM jsonb_array_elements(there) WITH ORDINALITY AS a (t, n) GROUP BY 1 ORDER BY min(n) LOOP
        RAISE NOTICE 'there already: % (%)', item.label, item.names;
      END LOOP;
    END IF;
    IF todo = '[]' THEN
      IF turn = 1 THEN
        RAISE NOTICE 'nothing to do';
      END IF;
      EXIT;
    END IF;

    -- What is missing is made -----------------------------------------------------------------------------${REFUSE_WITHOUT_RIGHTS}${MAKE_RECORD}${LOCK_ALL}
    FOR n IN 0 .. jsonb_array_length(todo) - 1 LOOP
      IF alone THEN
        COMMIT;${begin(declaration)}
      END IF;
      step := todo -> n;
      FOR item IN SELECT l ->> 0 AS rel FROM jsonb_array_elements(step -> 'locks') AS l
        WHERE l ->> 1 = 'SHARE' AND (filled ->> (l ->> 0))::boolean LOOP
        RAISE WARNING '%: nobody can write to % until it is built', step ->> 'does', item.rel USING DETAIL =
          CASE WHEN alone THEN 'Reading goes on.' ELSE 'Within a larger transaction, what was locked before stays locked, too.' END;
      END LOOP;${makeStep(declaration)}
    END LOOP;
    IF alone THEN
      COMMIT;
    END IF;
  END LOOP;
  RAISE NOTICE 'verified: % as declared', ${literal(`${declaration.tables.length} ${declaration.tables.length === 1 ? 'table' : 'tables'}`)};${invariants(declaration)}${RESTORE_SETTINGS}
END
`
}

/** plpgsql: queries that must find nothing. What was made stays, where it is committed. */
function invariants({ invariants: all }: Declaration): string {
  const rows = all.map(({ name, sql }) => [literal(name), text(sql.replace(/;\s*$/, ''))])
  if (rows.length === 0) return ''
  return `

  -- What must always be so --------------------------------------------------------------------------------${each(
    'name, query',
    rows,
    `
      BEGIN
        -- It looks and must not change anything; where this block ends, that ends.
        PERFORM set_config('transaction_read_only', 'on', true);
        candidate := format(E'SELECT pg_catalog.count(*), pg_catalog.min(pg_catalog.to_json(i)::pg_catalog.text) FROM (SELECT * FROM (%s\\n) AS q LIMIT 1000) AS i', item.query);
        ${AS_DECLARED}
        EXECUTE candidate INTO tries, found_sql;
        ${AS_CATALOG}
      EXCEPTION WHEN read_only_sql_transaction THEN
        RAISE EXCEPTION 'the invariant % changes something', item.name USING
          ERRCODE = 'read_only_sql_transaction', DETAIL = SQLERRM, HINT = 'An invariant is a query that only looks.';
      END;
      IF tries = 0 THEN
        RAISE NOTICE 'holds: %', item.name;
      ELSE
        broken := broken || format('%s: %s, e.g. %s', item.name, CASE tries WHEN 1 THEN '1 row' WHEN 1000 THEN '1000 rows or more' ELSE tries || ' rows' END, found_sql);
      END IF;`,
  )}
  IF broken <> '{}' THEN
    RAISE EXCEPTION 'does not hold: %', array_to_string(broken, E'\\n') USING
      HINT = CASE WHEN alone THEN 'The schema is as declared; its data is not.' ELSE 'The whole transaction is taken back.' END;
  END IF;`
}
