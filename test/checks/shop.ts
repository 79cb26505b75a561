/** A source with something of every kind, and with names that need quotes. */
export const SHOP = `
CREATE TABLE customers(id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT COLLATE NOCASE UNIQUE,
  age INT CHECK(age >= 0 AND age IN (1, 2, 30)), note VARCHAR(20) NOT NULL DEFAULT 'x' CHECK (length(note) < 30 AND note <> 'bad'));
INSERT INTO customers VALUES (1, 'a@x', 1, 'n'), (2, 'b@x', 2, 'n'), (9, 'c@x', NULL, 'n'); DELETE FROM customers WHERE id = 9;
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT NOT NULL REFERENCES customers ON DELETE CASCADE, code TEXT,
  price NUMERIC(10,2), twice INT GENERATED ALWAYS AS (id * 2) STORED, at DATETIME);
INSERT INTO orders(id, customer, code, price) VALUES (1, 1, 'a', 1.5), (2, 2, 'b', 2.5), (3, 1, NULL, NULL);
CREATE UNIQUE INDEX orders_code ON orders(code) WHERE customer > 0;
CREATE INDEX orders_recent ON orders(at DESC, customer);
CREATE INDEX orders_lower ON orders(lower(code));
CREATE TABLE empty(id INTEGER PRIMARY KEY, x TEXT);
CREATE TABLE pair(a INT, b TEXT, v INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO pair VALUES (1, 'x', 1), (1, 'y', 2);
CREATE TABLE "we""ird.t'able ü"("a""b" INTEGER PRIMARY KEY, "c'd" TEXT UNIQUE,
  "É e" INT REFERENCES "we""ird.t'able ü"("a""b"), CHECK ("É e" <> 77));
INSERT INTO "we""ird.t'able ü" VALUES (1, 'x', NULL), (2, 'y', 1);
CREATE TABLE bag(x INT, y BLOB); INSERT INTO bag VALUES (1, x'00'), (1, x'00');
`

/** The hostile table's name in SQL, and its name. */
export const WEIRD = `"we""ird.t'able ü"`
export const WEIRD_NAME = `we"ird.t'able ü`
