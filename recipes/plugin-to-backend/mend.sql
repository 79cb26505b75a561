-- Who the two users are to whom the accounts without mapping belong: somebody looked it up.
INSERT INTO plugin_api_keys (user_id, api_key, plugin_user_id)
SELECT u.id, 'sk-mended-' || u.username, known.plugin_user_id
FROM (VALUES
  ('member7', '8aca4f36-774f-42a6-8c50-7cb9c9667948'::uuid),
  ('member8', 'd13be34b-d6dd-420c-8f94-9aa0d2445a7f'::uuid)
) AS known (username, plugin_user_id)
JOIN users u USING (username);
