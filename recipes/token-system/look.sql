SELECT id, username, role, token_balance FROM users WHERE token_balance <> 0 OR id <= 2 ORDER BY id;
SELECT user_id, delta, reason FROM token_ledger ORDER BY id;
SELECT code, tokens, redeemed_by FROM invite_codes ORDER BY id;
SELECT count(*) AS logs, count(assistant_name) AS with_assistant FROM token_logs;
