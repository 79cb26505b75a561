import { DEFAULT_RETRY_FOR_MS, LOCK_TIMEOUT_MS } from '../config/schema-settings.ts'
import { literal } from '../connection/quote.ts'
import type { Declaration } from '../contract/declaration.ts'
import type { SchemaObjectKind } from '../contract/schema.ts'
import { lockKey } from '../journal/lock-key.ts'
import { definitionSql, type NamesSql } from './definition.ts'
import { AS_CATALOG, AS_DECLARED } from './plpgsql.ts'
import { ANYWAY } from './postgres-carry-out.ts'
import { CREATE_RECORD, enterSql, forgetSql } from './record.ts'
import { BLOCKERS, GIVE_UP, HOLDING_MS, LOCK } from './sql-file-locks.ts'

/** Variables of plpgsql that the making needs besides those of the looking. */
export const MAKING_VARIABLES = `
  recorded boolean := false; -- whether landfall.declared is written
  step jsonb;
  statement text;
  made jsonb;
  lockable boolean;
  is_done boolean;
  is_there boolean;
  lacking text[] := '{}';
  tries integer;
  give_up_at timestamptz;
  limit_ms integer;`

/**
 * plpgsql: what every transaction begins with. The lock is the one that \`landfall schema apply\` takes; that
 * a transaction has it and not the session, leaves nothing behind in a pool.
 */
export function begin(declaration: Declaration): string {
  return `
    ${AS_CATALOG}
    PERFORM set_config('client_min_messages', 'notice', true), set_config('lock_timeout', '${LOCK_TIMEOUT_MS}ms', true),
      -- Rows that a policy hides would be taken for missing: then it is an error.
      set_config('row_security', 'off', true);
    IF NOT pg_try_advisory_xact_lock(${lockKey(declaration.name).key}) THEN
      RAISE EXCEPTION 'another process works on the same declaration' USING
        ERRCODE = 'lock_not_available', HINT = 'Wait until it is done, and run this again.';
    END IF;`
}

/** plpgsql, as a declaration: what `begin` changes, as it was. */
export const SETTINGS_BEFORE = `
  settings CONSTANT jsonb := pg_catalog.jsonb_build_object(${[
    'search_path',
    'client_min_messages',
    'lock_timeout',
    'row_security',
  ]
    .map((name) => `'${name}', pg_catalog.current_setting('${name}')`)
    .join(', ')});`

/** plpgsql: who does not end the transaction, leaves it as it was. An error takes the settings back by itself. */
export const RESTORE_SETTINGS = `
  IF NOT alone THEN
    PERFORM pg_catalog.set_config(s.key, s.value, true) FROM pg_catalog.jsonb_each_text(settings) AS s;
  END IF;`

/** plpgsql: refuses before anything is changed what the server would refuse in the middle. */
export const REFUSE_WITHOUT_RIGHTS = `
    FOR item IN SELECT DISTINCT l ->> 0 AS rel, l ->> 2 AS needed
      FROM jsonb_array_elements(todo) AS s, jsonb_array_elements(s -> 'locks') AS l
      WHERE to_regclass(l ->> 0) IS NOT NULL AND coalesce(l ->> 2, 'owner') <> '' LOOP
      IF item.needed IS NULL THEN
        IF NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(item.rel)) THEN
          lacking := lacking || format('%s does not own %s', current_user, item.rel);
        END IF;
      ELSIF NOT has_table_privilege(item.rel, item.needed) THEN
        lacking := lacking || format('%s lacks %s on %s', current_user, item.needed, item.rel);
      END IF;
    END LOOP;
    IF EXISTS (SELECT FROM jsonb_array_elements(todo) AS s, jsonb_array_elements(s -> 'makes') AS m WHERE m ->> 0 IN ('table', 'index'))
      AND NOT (SELECT coalesce(bool_and(has_schema_privilege(oid, 'CREATE')), true) FROM pg_namespace WHERE nspname = in_schema) THEN
      lacking := lacking || format('%s may make nothing in the schema %I', current_user, in_schema);
    END IF;
    IF lacking <> '{}' THEN
      RAISE EXCEPTION '%', array_to_string(lacking, '; ') USING ERRCODE = 'insufficient_privilege', HINT = 'Nothing was changed.';
    END IF;`

/** plpgsql: the table in which undo reads what was made. A role that may not make it goes on without. */
export const MAKE_RECORD = `
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended('landfall: create the journal', 0));
      IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'landfall') THEN
        CREATE SCHEMA landfall;
      END IF;
      IF to_regclass('landfall.declared') IS NULL THEN
${CREATE_RECORD.map((sql) => `        ${sql};`).join('\n')}
      END IF;
      recorded := (SELECT bool_and(has_table_privilege('landfall.declared', needed))
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed);
    EXCEPTION WHEN insufficient_privilege THEN
      recorded := false;
    END;
    IF NOT recorded THEN
      RAISE WARNING 'not recorded: % may not write landfall.declared', current_user USING
        HINT = 'landfall schema undo will not know what this file makes. An administrator can run CREATE SCHEMA landfall AUTHORIZATION this role, before.';
    END IF;`

/** plpgsql: carries out \`step\`; gives up a lock that is not to be had, and asks again. */
export function makeStep(declaration: Declaration): string {
  return `
      FOR item IN SELECT key AS mark, value AS type FROM jsonb_each_text(types) LOOP
        step := jsonb_set(step, '{sql}', (SELECT jsonb_agg(replace(s, item.mark, item.type) ORDER BY n)
          FROM jsonb_array_elements_text(step -> 'sql') WITH ORDINALITY AS t (s, n)));
      END LOOP;
      tries := 0;
      is_done := false;
      give_up_at := clock_timestamp() + ${literal(`${DEFAULT_RETRY_FOR_MS} ms`)}::interval;
      LOOP
        tries := tries + 1;
        ${BLOCKERS}
        -- Who queues behind a long transaction makes all others queue; where such ones overlap, one is about to end.
        IF NOT long_ones OR NOT alone OR tries % ${ANYWAY} = 0 THEN
          BEGIN
            limit_ms := CASE WHEN alone THEN least(${LOCK_TIMEOUT_MS}, 25 * 2 ^ least(tries, 10)) ELSE ${HOLDING_MS} END;
            PERFORM set_config('lock_timeout', limit_ms || 'ms', true);
            -- One lock is waited for; the others are had at once, or that one is given up, too.
            SELECT coalesce(bool_and(has_table_privilege(l ->> 0, CASE l ->> 1 WHEN 'ROW EXCLUSIVE'
                THEN 'INSERT, UPDATE, DELETE' ELSE 'UPDATE, DELETE, TRUNCATE' END)), false) INTO lockable
              FROM jsonb_array_elements(step -> 'locks') AS l WHERE l ->> 1 <> 'ROW SHARE';
            FOR item IN SELECT l ->> 0 AS rel, l ->> 1 AS mode, row_number() OVER (ORDER BY n) > 1 AS at_once
              FROM jsonb_array_elements(step -> 'locks') WITH ORDINALITY AS t (l, n)
              WHERE lockable AND l ->> 1 <> 'ROW SHARE' ORDER BY n LOOP
              ${LOCK}
            END LOOP;
            IF step ? 'unfinished' THEN
              -- Who builds an index concurrently keeps this lock of its table.
              IF EXISTS (SELECT FROM pg_index AS i JOIN pg_locks AS k ON k.relation = i.indrelid AND k.granted AND k.pid <> pg_backend_pid()
                  AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND k.mode = 'ShareUpdateExclusiveLock'
                WHERE i.indexrelid = to_regclass(step ->> 'unfinished')) THEN
                RAISE lock_not_available;
              END IF;
              IF NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(step ->> 'unfinished') AND NOT (indisvalid AND indisready)) THEN
                RAISE EXCEPTION 'somebody else has built or dropped the index % meanwhile', step ->> 'unfinished' USING
                  ERRCODE = 'object_in_use', HINT = 'It is left as it is. Run this again: it looks anew.';
              END IF;
            END IF;
            ${LOOK_AGAIN}
            FOR statement IN SELECT jsonb_array_elements_text(step -> 'sql') WHERE NOT is_there LOOP
              ${AS_DECLARED}
              EXECUTE statement;
              ${AS_CATALOG}
            END LOOP;
            IF recorded AND NOT is_there THEN${record(declaration)}
            END IF;
            is_done := true;
          EXCEPTION
            WHEN lock_not_available OR deadlock_detected THEN
              PERFORM pg_stat_clear_snapshot();
            WHEN unique_violation THEN
              ${LOOK_AGAIN}
              IF NOT is_there THEN
                RAISE;
              END IF;
              is_done := true;
          END;
        END IF;
        EXIT WHEN is_done;
        IF blockers IS NULL THEN
          ${BLOCKERS}
        END IF;
        IF NOT alone OR clock_timestamp() > give_up_at THEN${GIVE_UP("step ->> 'does'")}
        END IF;
        IF tries IN (1, 4, 16, 64) THEN
          RAISE NOTICE '%: waits for %', step ->> 'does', coalesce(blockers, 'somebody who is gone by now');
        END IF;
        -- While it waits it holds nothing.
        COMMIT;
        ${AS_CATALOG}
        PERFORM pg_sleep(least(2, 0.1 * 2 ^ least(tries, 10)) * (0.5 + random()));
        -- Who waits for all older transactions, as a concurrent build does, must not meet this one in a deadlock.
        COMMIT;${begin(declaration)}
      END LOOP;
      RAISE NOTICE '%: %', CASE WHEN is_there THEN 'there meanwhile' ELSE 'done' END, step ->> 'does';`
}

/** A row may have come from somebody else since it was looked for; that it is as declared is seen at the end. */
const LOOK_AGAIN = `is_there := false;
            IF step ? 'unless' THEN
              statement := step ->> 'unless';
              ${AS_DECLARED}
              EXECUTE statement INTO is_there;
              ${AS_CATALOG}
            END IF;`

const KINDS: readonly Exclude<SchemaObjectKind, 'row'>[] = ['schema', 'table', 'column', 'index', 'comment']

/** In the server's words of an empty search path, as \`apply\` records it. */
function record(declaration: Declaration): string {
  const names: NamesSql = { schema: 'in_schema', table: 'made ->> 1', name: 'made ->> 2' }
  const bracketed: NamesSql = { schema: 'in_schema', table: '(made ->> 1)', name: '(made ->> 2)' }
  const cases = KINDS.map((kind) => `WHEN ${literal(kind)} THEN ${definitionSql(kind, bracketed)}`)
  return `
              FOR made IN SELECT jsonb_array_elements(step -> 'drops') LOOP
                ${forgetSql({ ...names, kind: 'made ->> 0' })};
              END LOOP;
              FOR made IN SELECT jsonb_array_elements(step -> 'makes') LOOP
                IF made ->> 0 = 'row' THEN
                  EXECUTE 'SELECT ' || (made ->> 3) INTO found_sql;
                ELSE
                  found_sql := CASE made ->> 0
                    ${cases.join('\n                    ')}
                    ELSE ${definitionSql('check', bracketed)} END;
                END IF;
                ${enterSql(
                  { ...names, kind: 'made ->> 0' },
                  {
                    declaration: literal(declaration.name),
                    statement:
                      "(SELECT string_agg(s, E';\\n' ORDER BY n) FROM jsonb_array_elements_text(step -> 'sql') WITH ORDINALITY AS t (s, n))",
                    definition: 'found_sql',
                  },
                )};
              END LOOP;`
}
