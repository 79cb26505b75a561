import type { Story } from '../story.ts'

export async function story(on: Story): Promise<void> {
  on.heading('1. An application without tokens, and an older token_logs')
  await on.sample()
  await on.landfall(['schema', 'plan'], 0)

  on.heading('2. A backup, and the change')
  await on.sql('CREATE DATABASE application_before TEMPLATE application')
  await on.landfall(['schema', 'apply'], 0)
  await on.accept(
    'users with a role and a balance',
    '300',
    `SELECT count(*) FROM users WHERE role = 'user' AND token_balance = 0`,
  )
  await on.accept(
    'logs that are still there',
    '1000',
    'SELECT count(*) FROM token_logs WHERE assistant_name IS NULL',
  )

  on.heading('3. Codes are redeemed, once; tokens are spent')
  await on.sql('tokens.sql')
  await on.sql('codes.sql')
  await on.accept(
    'the first to redeem it',
    '1000000',
    `SELECT balance FROM redeem_invite_code(1, 'SPRING-1')`,
  )
  await on.accept('the second', '', `SELECT balance FROM redeem_invite_code(2, 'SPRING-1')`)
  await on.accept(
    'what is left',
    '998800',
    `SELECT balance FROM spend_tokens(1, 1000, 200, 'gpt-4o', 'writer')`,
  )
  await on.accept('who has not enough', '', `SELECT balance FROM spend_tokens(2, 1000, 200, 'gpt-4o')`)
  await on.sql('look.sql')

  on.heading('4. Proof, and a balance that is wrong')
  await on.landfall(['schema', 'verify'], 0)
  await on.sql('UPDATE users SET token_balance = 5 WHERE id = 2')
  await on.landfall(['schema', 'verify'], 1)
  await on.sql('SELECT * FROM recompute_token_balances()')
  await on.landfall(['schema', 'verify'], 0)

  on.heading('5. Again: nothing is done')
  await on.landfall(['schema', 'apply'], 0)
  await on.accept('balance', '998800', 'SELECT token_balance FROM users WHERE id = 1')

  on.heading('6. Undo, which shows the data that goes')
  await on.landfall(['schema', 'undo', '--dry-run'], 0)
  await on.landfall(['schema', 'undo', '--yes'], 0)
  await on.accept(
    'tables of before',
    'token_logs, users',
    `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  )
  await on.accept('logs that are still there', '1000', 'SELECT count(*) FROM token_logs WHERE id <= 1000')

  on.heading('7. The same as one SQL file')
  await on.landfall(['schema', 'sql', '--out', 'migrate_token_system_postgres_complete.sql'], 0)
  await on.sql('migrate_token_system_postgres_complete.sql')
  await on.landfall(['schema', 'verify'], 0)
}
