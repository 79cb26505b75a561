-- The application as it is today: users, and no tokens.
CREATE TABLE users (
  id serial PRIMARY KEY,
  username varchar(64) NOT NULL UNIQUE,
  email varchar(254),
  created_at timestamp NOT NULL DEFAULT now()
);
