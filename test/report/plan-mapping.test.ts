import { expect, test } from 'vitest'
import { renderPlan } from '../../src/report/plan.ts'
import { columns, PLAIN } from '../../src/report/text.ts'
import { type Asked, mapper } from '../plan/mapping.ts'
import { LEGACY_SERVICE, SECOND_DATABASE } from '../plan/systems.ts'
import { samplePlan } from './samples.ts'

const map = mapper()
const planOf = async (asked: Asked) => samplePlan(await map(asked))

test('a person reads what becomes of users and what refers to them', async () => {
  expect(renderPlan(await planOf(SECOND_DATABASE))).toMatchInlineSnapshot(`
    "Plan of shop   3 moves, 0 rows
      source sqlite:shop.db (UTF-8)
      target postgres://app@db.internal:5432/shop, schema public

    users -> authentication_user   identity users: id -> id · chunks of 50,000
      1. equal ignoring case: email (email = email)
      several old keys for one new: all of them mean it
      several new keys for one old: the lowest new key is taken
      a matched row takes, where the source has a value:
        column                    type                            comes from
        status                    smallint not null               ("status")::smallint
        role                      character varying(20) not null  role
        agreed_agreement_version  text                            agreed_agreement_version
      unmatched: created, with id as the target gives it
        column                    type                               comes from
        username                  character varying(150) not null    coalesce(username, split_part(email, '@', 1), 'user_' || left(id::text, 8)), with a number behind it where it is taken
        first_name                character varying(150) not null    name, else ''
        email                     character varying(254) not null    email, else ''
        is_active                 boolean not null                   always 'true'
        date_joined               timestamp with time zone not null  ("created_at" AT TIME ZONE 'Asia/Tokyo'), else (now())
        status                    smallint not null                  status::smallint, else '1'
        role                      character varying(20) not null     role, else 'user'
        agreed_agreement_version  text                               agreed_agreement_version
        and for each a row of authentication_useraccount where (email <> '')
          column               type             comes from
          user_id              bigint not null  the new key
          type                 text             always 'email'
          provider             text             always 'email'
          provider_account_id  text             email
      keys are kept in a map that is dropped afterwards
      note: the map is not kept: what is created must be found by the match rules afterwards, or nothing is written

    projects -> pagtive_project   merged by id · chunks of 50,000
      a row that is there is made equal; a row without its parent is set aside
      column        type                      comes from
      id            uuid not null             id
      user_id       bigint not null           user_id, looked up in users
      project_name  text                      project_name
      pages         jsonb                     pages
      is_public     boolean not null          is_public, else 'false'
      style_tags    jsonb not null            style_tags, else '["it''s",1,{"a":null}]'
      created_at    timestamp with time zone  ("created_at" AT TIME ZONE 'Asia/Shanghai')
      note: the trigger touched of pagtive_project fires for what is written, and may change it

    project_details -> pagtive_projectdetail   merged by project_id, page_id · in one piece
      a row that is there is made equal; a row without its parent stops the run
      column      type           comes from
      project_id  uuid not null  project_id
      page_id     text           page_id
      html        text           html
      version_id  text           versionId
      note: left to the target: id

    Rows are looked at when they are staged: migrate finds what does not fit, is ambiguous or has no parent before it writes.
    ready. Nothing was written. To carry it out:
      landfall migrate
    "
  `)
})

test('a map that is kept, a third table, and what stops the run', async () => {
  const text = renderPlan(await planOf(LEGACY_SERVICE))
  for (const part of [
    '1. through plugin_api_keys.plugin_user_id (plugin_user_id = user_id)',
    '2. equal: api_key (api_key = api_key)',
    'unmatched: stops the run where a row refers to it',
    'keys are kept in public.plugin_user_mappings (old_key, new_key)',
    'accounts -> antigravity_accounts   merged by cookie_id',
    'user_id, looked up in users',
    'note: not carried: id',
    'the source has no table kiro_accounts: skipped',
  ])
    expect(text).toContain(part)
})

test('fits a narrow terminal, and cannot steer it', async () => {
  const plan = await planOf({
    source: `CREATE TABLE t(id int PRIMARY KEY, "a\u001b[2J" text)`,
    target: `CREATE TABLE t(id int PRIMARY KEY, "a\u001b[2J" text, note text)`,
    config: { moves: { t: { columns: { note: { value: 'x y '.repeat(60) } } } } },
  })
  const text = renderPlan(plan, { ...PLAIN, width: 80 })
  expect(text).not.toContain('\u001b')
  expect(Math.max(...text.split('\n').map(columns))).toBeLessThanOrEqual(80)
})

test('one database is said to be one', async () => {
  const plan = { ...(await planOf(LEGACY_SERVICE)), inPlace: true as const }
  expect(renderPlan(plan)).toContain('all moves are one transaction')
})
