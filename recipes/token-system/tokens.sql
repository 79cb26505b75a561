-- What the application calls. Each function is one statement that changes code, ledger and balance together,
-- or nothing; it can be run again to replace it.

-- Redeems a code for a user. Gives the new balance, or no row: there is no such code, or it is redeemed.
-- Of two at the same moment the second waits for the first one's row, sees that it is redeemed, and gets none.
CREATE OR REPLACE FUNCTION redeem_invite_code(redeemer bigint, typed text)
  RETURNS TABLE (granted bigint, balance bigint) LANGUAGE sql AS $$
  WITH won AS (
    UPDATE invite_codes SET redeemed_by = redeemer, redeemed_at = now()
    WHERE code = typed AND redeemed_by IS NULL
    RETURNING id, tokens
  ), entry AS (
    INSERT INTO token_ledger (user_id, delta, reason, invite_code_id)
    SELECT redeemer, tokens, 'invite code', id FROM won
    RETURNING delta
  )
  UPDATE users SET token_balance = coalesce(token_balance, 0) + entry.delta, token_updated_at = now()
  FROM entry WHERE users.id = redeemer
  RETURNING entry.delta, token_balance
$$;

-- Pays for a call of a model. Gives the new balance, or no row: there are not enough tokens, and nothing is written.
CREATE OR REPLACE FUNCTION spend_tokens(spender bigint, prompt integer, completion integer, model text, assistant text DEFAULT NULL)
  RETURNS TABLE (balance bigint) LANGUAGE sql AS $$
  WITH paid AS (
    UPDATE users SET token_balance = token_balance - (prompt + completion), token_updated_at = now()
    WHERE id = spender AND token_balance >= prompt + completion
    RETURNING id, token_balance
  ), entry AS (
    INSERT INTO token_ledger (user_id, delta, reason) SELECT id, -(prompt + completion), 'model call' FROM paid
  ), log AS (
    INSERT INTO token_logs (user_id, total_tokens, prompt_tokens, completion_tokens, model_name, assistant_name)
    SELECT id, prompt + completion, prompt, completion, model, assistant FROM paid
  )
  SELECT token_balance FROM paid
$$;

-- Sets balances to the sum of their ledger where they are not, and gives those users. Others may redeem and spend
-- meanwhile: a user's row is locked before the ledger is summed up, and whoever waits for it adds to the new balance.
CREATE OR REPLACE FUNCTION recompute_token_balances()
  RETURNS TABLE (user_id bigint, was bigint, is_now bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  one record;
BEGIN
  FOR one IN SELECT u.id FROM users u LEFT JOIN token_ledger l ON l.user_id = u.id
    GROUP BY u.id HAVING coalesce(u.token_balance, 0) <> coalesce(sum(l.delta), 0) ORDER BY u.id LOOP
    SELECT u.id, coalesce(u.token_balance, 0) INTO user_id, was FROM users u WHERE u.id = one.id FOR UPDATE;
    SELECT coalesce(sum(l.delta), 0) INTO is_now FROM token_ledger l WHERE l.user_id = one.id;
    CONTINUE WHEN was = is_now;
    UPDATE users SET token_balance = is_now, token_updated_at = now() WHERE id = one.id;
    RETURN NEXT;
  END LOOP;
END $$;
