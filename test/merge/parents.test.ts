import { beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { THERE, WRONG } from '../../src/merge/model.ts'
import { withParentsHeld } from '../../src/merge/parents.ts'
import { eachInNewDatabase, open } from './merging.ts'

let url: string
let session: Session
eachInNewDatabase((opened, its) => {
  session = opened
  url = its
})
beforeEach(async () => {
  await session.query(`create table public.owners ("i""d" int primary key);
    create table public.places (country text, town text, primary key (country, town));
    insert into public.owners select generate_series(1, 5); insert into public.places values ('é', 'a'), ('é', 'b');
    create table public."th""ings" (id int primary key, owner int references public.owners, country text, town text,
      foreign key (country, town) references public.places)`)
})

const SHAPED = { relation: 'pg_temp."sh aped"', target: 'public."th""ings"' }
/** Rows 1 to 3 are new, 4 is there, with 5 there is something wrong. */
const ROWS = `(1, 1, 'é', 'a', null, false), (2, 2, 'é', null, null, false), (3, 2, null, null, null, false),
  (4, 77, null, null, null, true), (5, 78, null, null, 0, false)`

/** Inserts the new ones; returns how the server was told to do it, and how it is told to go on. */
async function written(rows = ROWS): Promise<readonly [during: string, after: string]> {
  const role = async (): Promise<string> => {
    const { rows } = await session.query<{ r: string }>(
      `select current_setting('session_replication_role') as r`,
    )
    return rows[0]!.r
  }
  await session.query(`create temporary table "sh aped" (id int, owner int, country text, town text, ${WRONG} int, ${THERE} boolean) on commit drop;
    insert into ${SHAPED.relation} values ${rows}`)
  const during = await withParentsHeld(session, SHAPED, async () => {
    await session.query(
      `insert into ${SHAPED.target} select id, owner, country, town from ${SHAPED.relation} where ${WRONG} is null and not ${THERE}`,
    )
    return await role()
  })
  return [during, await role()]
}

const ids = async (): Promise<number[]> =>
  (await session.query<{ id: number }>(`select id from ${SHAPED.target} order by 1`)).rows.map(({ id }) => id)

test('parents are looked for at once and may not go, and the next statement is as always', async () => {
  await session.transaction(async () => {
    expect(await written()).toEqual(['replica', 'origin'])
    const other = await open(url)
    await other.query(`set lock_timeout = '100ms'`)
    const gone = 'delete from public.owners where "i""d" ='
    await expect(other.query(`${gone} 1`)).rejects.toMatchObject({ details: { sqlstate: '55P03' } })
    await expect(other.query(`delete from public.places where town = 'a'`)).rejects.toMatchObject({
      details: { sqlstate: '55P03' },
    })
    await other.query(`${gone} 3; delete from public.places where town = 'b'`)
    await other.close()
    await session.query('savepoint s')
    await expect(session.query(`insert into ${SHAPED.target} values (9, 99)`)).rejects.toMatchObject({
      details: { sqlstate: '23503' },
    })
    await session.query('rollback to savepoint s')
  })
  expect(await ids()).toEqual([1, 2, 3])
  await expect(session.query('delete from public.owners where "i""d" = 2')).rejects.toMatchObject({
    details: { sqlstate: '23503' },
  })
})

test('a parent that is missing is the server’s to tell', async () => {
  for (const row of [`(1, 99, null, null, null, false)`, `(1, 1, 'é', 'c', null, false)`])
    await expect(
      session.transaction(() => written(`${row}, (2, 2, null, null, null, false)`)),
    ).rejects.toMatchObject({
      details: { sqlstate: '23503' },
    })
  expect(await ids()).toEqual([])
})

describe('the server looks for parents as always', () => {
  const table = 'public."th""ings"'
  test.each([
    [
      'there is a trigger',
      `create function public.f() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on ${table} for each row execute function public.f()`,
    ],
    ['a unique rule is looked at late', `alter table ${table} add unique (owner, id) deferrable`],
    [
      'rows refer to their own table',
      `alter table ${table} add foreign key (owner) references ${table} deferrable initially deferred`,
    ],
    [
      'a key is whole or not at all',
      `alter table ${table} add foreign key (country, town) references public.places match full not valid`,
    ],
    ['there is a rule', `create rule r as on insert to ${table} where new.id = 99 do instead nothing`],
    [
      'a default might write elsewhere',
      `create function public.g() returns int language sql as 'select 1'; alter table ${table} add more int default public.g()`,
    ],
    [
      'a column is left to its default',
      `alter table ${table} add owned int default 1 references public.owners`,
    ],
    [
      'values are equal whose bytes differ',
      `alter table ${table} add n numeric default 1; create table public.ns (n numeric primary key); insert into public.ns values (1); alter table ${table} add foreign key (n) references public.ns`,
    ],
    [
      'parents are divided',
      `create table public.parts (id int primary key) partition by range (id); create table public.part partition of public.parts default; insert into public.parts select generate_series(1, 5); alter table ${table} add foreign key (owner) references public.parts`,
    ],
  ])('where %s', async (_, sql) => {
    await session.query(sql)
    const own = /own table/.test(_) || /whole/.test(_)
    const rows = own ? `(1, 1, 'é', 'a', null, false)` : ROWS
    expect(await session.transaction(() => written(rows))).toEqual(['origin', 'origin'])
    expect((await ids())[0]).toBe(1)
  })

  test('where the role may not tell otherwise', async () => {
    const role = `landfall_parents_${process.pid}`
    await session.query(`create role ${role}; grant select, insert on all tables in schema public to ${role}`)
    try {
      for (const more of ['', `grant update on public.owners, public.places to ${role}`]) {
        await session.query(`${more}; set role ${role}`)
        expect(await session.transaction(() => written())).toEqual(['origin', 'origin'])
        await session.query(`reset role`)
        expect(await ids()).toEqual([1, 2, 3])
        await session.query(`delete from ${SHAPED.target}`)
      }
    } finally {
      await session.query(`reset role; drop owned by ${role}; drop role ${role}`)
    }
  })
})
