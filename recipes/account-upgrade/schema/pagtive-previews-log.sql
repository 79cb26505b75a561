-- The log of model calls, which not every installation has.
CREATE TABLE project_llm_logs (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  project_id uuid NOT NULL,
  page_id varchar(64),
  model varchar(100) NOT NULL,
  prompt_tokens integer NOT NULL,
  completion_tokens integer NOT NULL,
  created_at timestamp NOT NULL
);
