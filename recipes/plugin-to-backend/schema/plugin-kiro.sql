-- Tables that only newer plugins have.
CREATE TABLE kiro_accounts (
  account_id uuid PRIMARY KEY,
  user_id uuid REFERENCES users (user_id),
  account_name varchar(255) NOT NULL,
  auth_method varchar(32) NOT NULL,
  refresh_token text NOT NULL,
  access_token text,
  expires_at bigint,
  subscription varchar(64),
  usage_limit numeric(12,2) NOT NULL DEFAULT 0,
  current_usage numeric(12,2) NOT NULL DEFAULT 0,
  status integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE TABLE kiro_subscription_models (
  subscription varchar(64) NOT NULL,
  model_id varchar(100) NOT NULL,
  allow boolean NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (subscription, model_id)
);
