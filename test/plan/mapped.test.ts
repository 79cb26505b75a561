import { expect, test } from 'vitest'
import { mapper, told } from './mapping.ts'

const map = mapper()

test('plain moves go by name, in the order of their foreign keys', async () => {
  const tables = (order: string[]) => order.join(';')
  const users = 'CREATE TABLE users(id bigint PRIMARY KEY, "e mail" varchar(20) NOT NULL, note text)'
  const orders =
    'CREATE TABLE orders(id int PRIMARY KEY, user_id bigint REFERENCES users, total numeric(10,2) CHECK (total > 0))'
  const found = await map({
    source: tables([users, orders]),
    target: tables([users.replace('note text', 'UNIQUE ("e mail")'), orders]),
    config: { moves: { orders: { ifThere: 'keep' }, users: {} } },
  })
  expect(found.blockers).toEqual([])
  expect(found.moves.map(told)).toMatchInlineSnapshot(`
    [
      [
        "users -> users by id",
        "stage: SELECT "id" AS id bigint, "e mail" AS e mail character varying(20) FROM "public"."users"",
        "key id; there: update; no parent: fail",
        "id bigint not null = "id"",
        "e mail character varying(20) not null (20) = "e mail"",
        "unique users_pkey ("id")",
        "unique users_e mail_key ("e mail")",
        "note: not carried: note",
      ],
      [
        "orders -> orders by id",
        "stage: SELECT "id" AS id integer, "user_id" AS user_id bigint, "total" AS total numeric(10,2) FROM "public"."orders"",
        "key id; there: keep; no parent: fail",
        "id integer not null = "id"",
        "user_id bigint = "user_id"",
        "total numeric(10,2) = "total"",
        "unique orders_pkey ("id")",
        "parent (user_id) in users",
        "check orders_total_check total > (0)::numeric",
      ],
    ]
  `)
})
