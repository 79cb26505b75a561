import { expect, test } from 'vitest'
import { mapper, told } from './mapping.ts'
import { LEGACY_SERVICE, SECOND_DATABASE } from './systems.ts'

const map = mapper()

test('a legacy service is folded in: users by a third table or by their API key', async () => {
  const found = await map(LEGACY_SERVICE)
  expect(found.blockers).toEqual([])
  expect(found.notes).toEqual(['the source has no table kiro_accounts: skipped'])
  expect(found.moves.map(told)).toMatchInlineSnapshot(`
    [
      [
        "users -> users by user_id",
        "stage: SELECT "user_id" AS user_id uuid, "api_key" AS api_key text FROM "public"."users"",
        "identity users: user_id uuid -> id integer next pg_catalog.nextval('public.users_id_seq'::pg_catalog.regclass)",
        "several old: fail; several new: fail",
        "match through plugin_api_keys.plugin_user_id: public.plugin_api_keys.user_id by plugin_user_id text = "user_id"",
        "match equal: api_key: public.users.id by api_key text = "api_key"",
        "map public.plugin_user_mappings (old_key, new_key)",
        "unmatched: fail",
      ],
      [
        "accounts -> antigravity_accounts by id",
        "stage: SELECT "id" AS id integer, "cookie_id" AS cookie_id text, "user_id" AS user_id uuid, "expires_at" AS expires_at timestamp with time zone, "status" AS status integer, "project_id_0" AS project_id_0 text FROM "public"."accounts"",
        "key cookie_id; there: update; no parent: fail",
        "cookie_id text not null = "cookie_id"",
        "user_id integer not null = "user_id" by users",
        "token_expires_at timestamp with time zone = "expires_at"",
        "status integer = "status"",
        "project_id_0 text = "project_id_0"",
        "unique antigravity_accounts_cookie_id_key ("cookie_id")",
        "parent (user_id) in users",
        "note: not carried: id",
        "note: left to the target: created_at, id",
        "note: id is given by the target; columns.id: 'id' carries the source's",
      ],
      [
        "model_quotas -> antigravity_model_quotas by id",
        "stage: SELECT "id" AS id integer, "cookie_id" AS cookie_id text, "quota" AS quota numeric(10,4) FROM "public"."model_quotas"",
        "key id; there: update; no parent: fail",
        "id integer not null = "id"",
        "cookie_id text = "cookie_id"",
        "quota numeric(12,4) = "quota"",
        "unique antigravity_model_quotas_pkey ("id")",
        "parent (cookie_id) in antigravity_accounts",
      ],
    ]
  `)
})

test('a second database is merged in: users by their e-mail, or created', async () => {
  const found = await map(SECOND_DATABASE)
  expect(found.blockers).toEqual([])
  expect(found.moves.map(told)).toMatchInlineSnapshot(`
    [
      [
        "users -> authentication_user by id",
        "stage: SELECT "id" AS id uuid, "email" AS email character varying(255), "name" AS name text, "username" AS username text, "status" AS status integer, "role"::text AS role text, "agreed_agreement_version" AS agreed_agreement_version text, "created_at" AS created_at timestamp without time zone, (coalesce(username, split_part(email, '@', 1), 'user_' || left(id::text, 8))) AS converted_1 text, (status::smallint) AS converted_2 smallint FROM "public"."users"",
        "identity users: id uuid -> id bigint next pg_catalog.nextval('public.authentication_user_id_seq'::pg_catalog.regclass)",
        "several old: join; several new: first",
        "match equal ignoring case: email: public.authentication_user.id by email null = "email" ignoring case",
        "take status smallint not null = ("status")::smallint",
        "take role character varying(20) not null (20) = "role"",
        "take agreed_agreement_version text = "agreed_agreement_version"",
        "map landfall.identity_pagtive-merge_users (old_key, new_key) dropped",
        "create username character varying(150) not null (150) = "converted_1" unique",
        "create first_name character varying(150) not null (150) = "name" or else ''::text",
        "create email character varying(254) not null (254) = "email" or else ''::text",
        "create is_active boolean not null = 'true'::boolean",
        "create date_joined timestamp with time zone not null = ("created_at" AT TIME ZONE 'Asia/Tokyo') or else (now())",
        "create status smallint not null = "converted_2" or else '1'::smallint",
        "create role character varying(20) not null (20) = "role" or else 'user'::text",
        "create agreed_agreement_version text = "agreed_agreement_version"",
        "also public.authentication_useraccount where (email <> '')",
        "  user_id bigint not null = "id" by users",
        "  type text = 'email'::text",
        "  provider text = 'email'::text",
        "  provider_account_id text = "email"",
        "note: the map is not kept: what is created must be found by the match rules afterwards, or nothing is written",
      ],
      [
        "projects -> pagtive_project by id",
        "stage: SELECT "id" AS id uuid, "user_id" AS user_id uuid, "project_name" AS project_name text, "pages" AS pages jsonb, "is_public" AS is_public boolean, "style_tags" AS style_tags jsonb, "created_at" AS created_at timestamp without time zone FROM "public"."projects"",
        "key id; there: update; no parent: set-aside",
        "id uuid not null = "id"",
        "user_id bigint not null = "user_id" by users",
        "project_name text = "project_name"",
        "pages jsonb = "pages"",
        "is_public boolean not null = "is_public" or else 'false'::boolean",
        "style_tags jsonb not null = "style_tags" or else '["it''s",1,{"a":null}]'::jsonb",
        "created_at timestamp with time zone = ("created_at" AT TIME ZONE 'Asia/Shanghai')",
        "unique pagtive_project_pkey ("id")",
        "parent (user_id) in authentication_user",
        "note: the trigger touched of pagtive_project fires for what is written, and may change it",
      ],
      [
        "project_details -> pagtive_projectdetail by nothing",
        "stage: SELECT "project_id" AS project_id uuid, "page_id" AS page_id text, "html" AS html text, "versionId" AS versionId text FROM "public"."project_details"",
        "key project_id, page_id; there: update; no parent: fail",
        "project_id uuid not null = "project_id"",
        "page_id text = "page_id"",
        "html text = "html"",
        "version_id text = "versionId"",
        "unique pagtive_projectdetail_project_id_page_id_key ("project_id", "page_id")",
        "parent (project_id) in pagtive_project",
        "note: left to the target: id",
      ],
    ]
  `)
})
