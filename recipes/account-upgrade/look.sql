-- What the upgrade came to, asked without Landfall.

-- Accounts per provider
SELECT provider, count(*) AS accounts, count(DISTINCT user_id) AS users
FROM authentication_useraccount GROUP BY provider ORDER BY provider;

-- Five users with their accounts, the primary one marked
SELECT u.id, u.username, string_agg(a.provider || CASE WHEN a.is_primary THEN ' (primary)' ELSE '' END, ', ') AS accounts
FROM authentication_user u JOIN authentication_useraccount a ON a.user_id = u.id
GROUP BY u.id ORDER BY u.id DESC LIMIT 5;

-- Projects, their pages, their log
SELECT (SELECT count(*) FROM pagtive_project) AS projects,
  (SELECT count(*) FROM pagtive_projectdetail) AS details,
  (SELECT count(*) FROM pagtive_projectllmlog) AS logs;

-- Five projects with their owner
SELECT p.project_name, u.username AS owner, p.created_at
FROM pagtive_project p JOIN authentication_user u ON u.id = p.user_id
ORDER BY p.created_at, p.id LIMIT 5;

-- Must both be 0
SELECT
  (SELECT count(*) FROM pagtive_project p WHERE NOT EXISTS (SELECT FROM authentication_user u WHERE u.id = p.user_id))
    AS projects_without_owner,
  (SELECT count(*) FROM pagtive_projectdetail d WHERE NOT EXISTS (SELECT FROM pagtive_project p WHERE p.id = d.project_id))
    AS details_without_project;

-- What was not stored, by the latest run that set something aside of each table
SELECT r."table", r.key, r."column", r.reason
FROM landfall.rejects r
WHERE r.run = (SELECT max(run) FROM landfall.rejects o WHERE o.move = r.move)
ORDER BY r."table", r.key;
