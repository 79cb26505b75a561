import { DatabaseSync } from 'node:sqlite'

/** What `makeShop` wrote. */
export interface Shop {
  /** Table name to rows, for the tables that are moved. */
  readonly rows: Readonly<Record<string, number>>
  /** Table name to rows that PostgreSQL cannot take as they are. */
  readonly unfit: Readonly<Record<string, number>>
}

/**
 * A small shop's application database, with what real ones have gathered over the years: names in
 * mixed case and reserved words, four spellings of time, JSON in text, a search table, a view, a
 * trigger, a name longer than declared, and six rows that PostgreSQL cannot store as they are. The
 * same scale always gives the same content; scale 1 is some 200,000 rows.
 */
export function makeShop(file: string, scale = 1): Shop {
  const customers = Math.max(200, Math.round(20_000 * scale))
  const products = Math.max(50, Math.round(2_000 * scale))
  const orders = Math.max(300, Math.round(50_000 * scale))
  const lines = orders * 2
  const sessions = Math.max(20, Math.round(8_000 * scale))
  const audits = Math.max(50, Math.round(20_000 * scale))
  /** The last customers never bought anything. */
  const buyers = customers - 100

  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = off; BEGIN')
    database.exec(SCHEMA)
    database.exec(`
      INSERT INTO "Customer" ${counter(customers)}
        SELECT i, 'customer' || i || '@example.com', 'Zoë "Zed" O''Hara ' || i, i % 9 <> 0,
          CASE i % 3 WHEN 0 THEN NULL ELSE '{"newsletter":' || CASE i % 2 WHEN 0 THEN 'true' ELSE 'false' END
            || ',"sizes":[' || (i % 5) || ',' || (i % 7) || '],"note":"tab\\t and \\u00fc"}' END,
          1577836800000 + i * 98765 * 37 % 150000000000
        FROM n;
      INSERT INTO product ${counter(products)}
        SELECT printf('SKU-%05d', i), 'Product ' || i, i % 500 + 0.99, i * 0.1 + 1.0 / 3,
          date(1546300800 + i % 1500 * 86400, 'unixepoch'),
          CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'back\\slash' || char(9) || 'tab' ELSE '日本語 ' || i END,
          CASE WHEN i % 50 = 0 THEN x'89504e470d0a1a0a00ff' END
        FROM n;
      INSERT INTO "order" ${counter(orders)}
        SELECT i, 1 + i * 7919 % ${buyers}, datetime(1609459200 + i * 523, 'unixepoch'),
          CASE i % 5 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' WHEN 2 THEN 'shipped' WHEN 3 THEN 'returned' ELSE 'closed' END,
          (i * 37 % 100000) / 100.0, CASE WHEN i % 10 = 0 THEN 'Leave at the door, please' END
        FROM n;
      INSERT INTO order_line ${counter(lines)}
        SELECT (i + 1) / 2, 1 + (i + 1) % 2, printf('SKU-%05d', 1 + i * 31 % ${products}), 1 + i % 4,
          (i * 17 % 50000) / 100.0, i % 11 = 0
        FROM n;
      INSERT INTO session ${counter(sessions)}
        SELECT lower(hex(i * 2654435761)) || '-' || i, 1 + i * 13 % ${buyers}, 1700000000 + i * 61,
          CASE WHEN i % 2 THEN x'00ff' || CAST(i AS BLOB) END
        FROM n;
      INSERT INTO audit_log ${counter(audits)}
        SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 1650000000 + i * 97 + i % 1000 / 1000.0, 'unixepoch'),
          'user' || (i % 40), 'changed', 'price of SKU-' || i, 9007199254740993 + i
        FROM n;`)
    database.exec(TROUBLE(customers, orders))
    database.exec('INSERT INTO product_search(sku, words) SELECT sku, name FROM product')
    database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
  return {
    rows: {
      Customer: customers,
      product: products,
      order: orders + 1,
      order_line: lines + 2,
      session: sessions,
      audit_log: audits + 1,
    },
    // The orphaned order takes its two lines with it.
    unfit: { Customer: 1, product: 0, order: 1, order_line: 3, session: 0, audit_log: 1 },
  }
}

const counter = (rows: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})`

const SCHEMA = `
  -- As Prisma makes it: mixed case, and times as milliseconds since 1970.
  CREATE TABLE "Customer" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "email" TEXT NOT NULL UNIQUE,
    "displayName" VARCHAR(80) NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT 1,
    "preferences" JSON,
    "createdAt" DATETIME NOT NULL);
  CREATE TABLE product (
    sku TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    price DECIMAL(10,2) NOT NULL,
    weight REAL,
    added_on DATE NOT NULL,
    description TEXT,
    thumbnail BLOB);
  CREATE TABLE "order" (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES "Customer"("id") ON DELETE CASCADE,
    placed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'shipped', 'returned', 'closed')),
    total DECIMAL(10,2) NOT NULL,
    "group note" TEXT);
  CREATE TABLE order_line (
    order_id INTEGER NOT NULL REFERENCES "order"(id) ON DELETE CASCADE,
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL REFERENCES product(sku),
    quantity INTEGER NOT NULL,
    price REAL NOT NULL,
    gift BOOLEAN NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, line_no)) WITHOUT ROWID;
  CREATE TABLE session (
    token TEXT PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES "Customer"("id"),
    expires_at TIMESTAMP NOT NULL,
    data BLOB);
  CREATE TABLE audit_log (
    at DATETIME NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    details TEXT,
    sequence BIGINT);
  CREATE INDEX order_by_customer ON "order"(customer_id, placed_at DESC);
  CREATE INDEX order_open ON "order"(placed_at) WHERE status = 'new';
  CREATE INDEX customer_name ON "Customer"(lower("displayName"));
  CREATE INDEX audit_at ON audit_log(at);
  CREATE VIEW open_order AS SELECT * FROM "order" WHERE status = 'new';
  CREATE TRIGGER order_audit AFTER UPDATE ON "order" BEGIN
    INSERT INTO audit_log(at, actor, action) VALUES (datetime('now'), 'trigger', 'order changed');
  END;
  CREATE VIRTUAL TABLE product_search USING fts5(sku UNINDEXED, words);`

/** A word where a number belongs, a NUL, a name too long, bytes that are no UTF-8, an order of nobody. */
const TROUBLE = (customers: number, orders: number): string => `
  UPDATE order_line SET quantity = 'two' WHERE order_id = 42 AND line_no = 1;
  UPDATE "Customer" SET "displayName" = 'Null' || char(0) || 'byte' WHERE "id" = ${customers - 7};
  UPDATE "Customer" SET "displayName" = printf('%.*c', 81, 'x') WHERE "id" = ${customers - 8};
  INSERT INTO audit_log VALUES ('2024-05-01T12:00:00.000Z', 'import', 'changed', CAST(x'636166e9' AS TEXT), 1);
  INSERT INTO "order" VALUES (${orders + 1}, 99999999, '2024-05-01 12:00:00', 'new', 10.5, NULL);
  INSERT INTO order_line VALUES (${orders + 1}, 1, 'SKU-00001', 1, 5.25, 0), (${orders + 1}, 2, 'SKU-00002', 1, 5.25, 0);`
