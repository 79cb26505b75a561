-- What came over, asked without Landfall.

-- Whose the accounts are
SELECT u.username, count(*) AS accounts
FROM antigravity_accounts a JOIN users u ON u.id = a.user_id
GROUP BY u.username ORDER BY count(*) DESC, u.username LIMIT 5;

-- Which users of the plugin are which of the backend
SELECT m.plugin_user_id, u.username
FROM plugin_user_mappings m JOIN users u ON u.id = m.user_id
WHERE u.id < 100 ORDER BY u.username, m.plugin_user_id;

-- Everything that came
SELECT (SELECT count(*) FROM plugin_user_mappings) AS mappings,
  (SELECT count(*) FROM antigravity_accounts) AS accounts,
  (SELECT count(*) FROM antigravity_model_quotas) AS quotas,
  (SELECT count(*) FROM kiro_accounts) AS kiro_accounts,
  (SELECT count(*) FROM kiro_subscription_models) AS kiro_models;
