-- The second database, as its own application made it: times without a zone, and no foreign keys.
CREATE TABLE users (
  id uuid PRIMARY KEY,
  email varchar(255),
  name varchar(150),
  username varchar(100),
  status integer,
  role varchar(20),
  agreed_agreement_version varchar(32),
  created_at timestamp,
  updated_at timestamp
);
CREATE TABLE projects (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  project_name varchar(255) NOT NULL,
  project_description text,
  project_style text,
  global_style_code text,
  pages jsonb NOT NULL,
  is_public boolean,
  style_tags text[],
  batch_id varchar(64),
  batch_index integer,
  is_featured boolean,
  is_published boolean,
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL
);
CREATE TABLE project_details (
  project_id uuid NOT NULL,
  page_id varchar(64) NOT NULL,
  script text,
  styles text,
  html text,
  images jsonb,
  mermaid_content text,
  "versionId" varchar(64),
  created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL,
  PRIMARY KEY (project_id, page_id)
);
