-- The way back without a backup: the backend's tables as they were before upgrade.sql. Users who were
-- made by the merge go; what the merge changed in the others (status, role, agreement) goes with its columns.
BEGIN;
DROP TABLE IF EXISTS pagtive_projectllmlog, pagtive_projectdetail, pagtive_project, authentication_useraccount;
DO $$
BEGIN
  IF to_regclass('pagtive_user_identities') IS NOT NULL THEN
    -- Only the merge gives this password, with which nobody can sign in.
    DELETE FROM authentication_user u USING pagtive_user_identities i WHERE i.user_id = u.id AND u.password = '!';
  END IF;
END
$$;
-- The rows that are gone are looked up where they may be referred to, before the table is altered.
SET CONSTRAINTS ALL IMMEDIATE;
DROP TABLE IF EXISTS pagtive_user_identities;
ALTER TABLE authentication_user
  DROP COLUMN IF EXISTS status,
  DROP COLUMN IF EXISTS role,
  DROP COLUMN IF EXISTS agreed_agreement_version;
COMMIT;
