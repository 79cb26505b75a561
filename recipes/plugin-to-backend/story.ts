import type { Story } from '../story.ts'

export async function story(on: Story): Promise<void> {
  on.heading('1. A backend, and the plugin that it replaces')
  await on.sample()

  on.heading('2. Three accounts belong to users whom the backend does not know: nothing is written')
  await on.landfall(['migrate', '--yes'], 5)
  await on.accept('mappings', '0', 'SELECT count(*) FROM plugin_user_mappings')

  on.heading('3. Somebody says who they are')
  await on.sql('mend.sql')

  on.heading('4. The same command again')
  await on.landfall(['migrate', '--yes'], 0)
  await on.accept('accounts of the plugin', '2007', 'SELECT count(*) FROM accounts', 'PLUGIN_DATABASE_URL')
  await on.accept('accounts in the backend', '2007', 'SELECT count(*) FROM antigravity_accounts')

  on.heading('5. And again: nothing is added, nothing is changed')
  await on.landfall(['migrate', '--yes'], 0)
  await on.accept('accounts in the backend', '2007', 'SELECT count(*) FROM antigravity_accounts')

  on.heading('6. Proof')
  await on.landfall(['verify'], 0)
  await on.sql('look.sql')
}
