-- An installation that counted already, before assistants had names.
CREATE TABLE token_logs (
  id bigserial PRIMARY KEY,
  user_id integer REFERENCES users,
  total_tokens integer,
  prompt_tokens integer,
  completion_tokens integer,
  model_name varchar(128),
  created_at timestamp DEFAULT now()
);
COMMENT ON TABLE token_logs IS 'Real use per model call';
