import { LOCK_TIMEOUT_MS } from '../config/schema-settings.ts'
import { AS_CATALOG } from './plpgsql.ts'
import { LONG_MS } from './postgres-carry-out.ts'

/** How the SQL file's plpgsql asks for locks, and when it may wait. */

/** What a statement may wait for while others' locks are held already. */
export const HOLDING_MS = 10

export const BUSY_VARIABLES = `
  blockers text;
  long_ones boolean;
  tree pg_catalog.pg_node_tree;
  size integer;`

/**
 * plpgsql: finds out whether it may end its transaction, which no function tells and which cannot be tried:
 * a COMMIT that fails cannot be caught. The moments of the transaction and of the statement do not tell it,
 * either: in the extended protocol they are always two. But plpgsql itself knows it, and where it may commit,
 * it takes a large value out of its TOAST table as soon as a variable gets it, which makes it 4 bytes longer.
 * Where that should not tell the truth, nothing breaks: one transaction is made, or COMMIT refuses here,
 * where nothing is locked yet.
 */
export const MAY_COMMIT = `
  ${AS_CATALOG}
  SELECT ev_action, pg_column_size(ev_action) INTO tree, size FROM pg_rewrite ORDER BY 2 DESC LIMIT 1;
  alone := pg_column_size(tree) <> size;
  IF alone THEN
    COMMIT;
    ${AS_CATALOG}
  END IF;`

/**
 * Those who hold locks in the way, and whether one of them will most likely go on: it began long ago, or it
 * vacuums or builds an index concurrently. The latter waits for all transactions that are older: one that
 * waits for it meanwhile is a deadlock, and it would be the build that fails.
 */
export const BLOCKERS = `PERFORM pg_stat_clear_snapshot();
        SELECT string_agg(DISTINCT format('process %s (%s)', a.pid, concat_ws(', ', coalesce(nullif(a.application_name, ''), a.backend_type), a.usename, a.state)), '; '),
            coalesce(bool_or(clock_timestamp() - a.xact_start > interval '${LONG_MS} ms' OR k.mode = 'ShareUpdateExclusiveLock'), false) INTO blockers, long_ones
          FROM jsonb_array_elements(step -> 'locks') AS l
          JOIN pg_locks AS k ON (k.relation = to_regclass(l ->> 0) OR k.relation IN (SELECT relid FROM pg_partition_tree(to_regclass(l ->> 0)))) AND k.granted AND k.pid <> pg_backend_pid()
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          JOIN pg_stat_activity AS a ON a.pid = k.pid
          WHERE k.mode <> ALL (CASE l ->> 1
            WHEN 'ACCESS EXCLUSIVE' THEN '{}'::text[]
            WHEN 'SHARE ROW EXCLUSIVE' THEN '{AccessShareLock,RowShareLock}'
            WHEN 'SHARE' THEN '{AccessShareLock,RowShareLock,ShareLock}'
            WHEN 'SHARE UPDATE EXCLUSIVE' THEN '{AccessShareLock,RowShareLock,RowExclusiveLock}'
            WHEN 'ROW EXCLUSIVE' THEN '{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock}'
            ELSE '{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock}' END);`

/** Who may not end the transaction, holds what it has: it must not wait and ask again. */
export const GIVE_UP = (what: string): string => `
          RAISE EXCEPTION '%: %', ${what}, CASE WHEN alone THEN 'the table was in use all the time' ELSE 'the table is in use' END USING
            ERRCODE = 'lock_not_available', DETAIL = 'In the way: ' || coalesce(blockers, 'somebody who is gone by now'),
            HINT = CASE WHEN alone THEN 'Run this again: it goes on from here. SELECT pg_terminate_backend(process) ends a process.'
              ELSE 'Within a larger transaction nobody may be kept waiting, so nothing was changed. Run it outside of one (without BEGIN, without psql -1, with autocommit): there it asks again.' END;`

/** The partitions of a table are locked with it: when it is there itself, they are had at once, or none is. */
export const LOCK = `IF NOT item.at_once THEN
                EXECUTE format('LOCK TABLE ONLY %s IN %s MODE', item.rel, item.mode);
              END IF;
              EXECUTE format('LOCK TABLE %s IN %s MODE NOWAIT', item.rel, item.mode);`

/** Of a table that is locked for several statements, the strongest; it must be as strong as all of them. */
const STRENGTH = `array_position('{ROW EXCLUSIVE,SHARE UPDATE EXCLUSIVE,SHARE ROW EXCLUSIVE,ACCESS EXCLUSIVE}'::text[],
            CASE l ->> 1 WHEN 'SHARE' THEN 'SHARE ROW EXCLUSIVE' ELSE l ->> 1 END)`

/**
 * plpgsql: within a larger transaction every lock is taken before anything is made: the first one is waited
 * for shortly, and when it is there the others are had at once, or none is.
 */
export const LOCK_ALL = `
    IF NOT alone THEN
      step := jsonb_build_object('locks', (SELECT coalesce(jsonb_agg(jsonb_build_array(rel, mode) ORDER BY n), '[]') FROM (
        SELECT DISTINCT ON (l ->> 0) l ->> 0 AS rel, CASE l ->> 1 WHEN 'SHARE' THEN 'SHARE ROW EXCLUSIVE' ELSE l ->> 1 END AS mode, ${STRENGTH} AS n
        FROM jsonb_array_elements(todo) AS s, jsonb_array_elements(s -> 'locks') AS l
        WHERE l ->> 1 <> 'ROW SHARE' AND to_regclass(l ->> 0) IS NOT NULL
          AND has_table_privilege(l ->> 0, CASE l ->> 1 WHEN 'ROW EXCLUSIVE' THEN 'INSERT, UPDATE, DELETE' ELSE 'UPDATE, DELETE, TRUNCATE' END)
        ORDER BY 1, 3 DESC) AS strongest));
      PERFORM set_config('lock_timeout', '${LOCK_TIMEOUT_MS}ms', true);
      ${BLOCKERS}
      BEGIN
        FOR item IN SELECT l ->> 0 AS rel, l ->> 1 AS mode, n > 1 OR long_ones AS at_once
          FROM jsonb_array_elements(step -> 'locks') WITH ORDINALITY AS t (l, n) ORDER BY n LOOP
          ${LOCK}
        END LOOP;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        ${BLOCKERS}${GIVE_UP('item.rel')}
      END;
      PERFORM set_config('lock_timeout', '${HOLDING_MS}ms', true);
    END IF;`
