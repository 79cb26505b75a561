import type { Story } from '../story.ts'

export async function story(on: Story): Promise<void> {
  on.heading('1. A backend that an earlier try left half-done, and a second database')
  await on.sample()

  on.heading('2. The schema, which gets through what is there already')
  await on.sql('schema/upgrade.sql')

  on.heading('3. Users become multi-account, within the backend')
  await on.landfall(['migrate', '--config', 'upgrade.config.ts', '--yes', '--no-backup'], 1)
  on.say('Status 1: two users could not get their account, and the report says why.')
  await on.accept(
    'users without account who sign in by Feishu or e-mail',
    '2',
    `SELECT count(*) FROM authentication_user u
     WHERE (u.email <> '' OR EXISTS (SELECT FROM authentication_feishuauth f WHERE f.user_id = u.id))
       AND NOT EXISTS (SELECT FROM authentication_useraccount a WHERE a.user_id = u.id)`,
  )

  on.heading('4. The second database is merged in')
  await on.landfall(['migrate', '--yes', '--no-backup'], 1)
  on.say('Status 1: rows without a parent were set aside, each with its id and reason.')
  await on.accept('projects', '2005', 'SELECT count(*) FROM pagtive_project')

  on.heading('5. Again: nothing is created, nothing is changed')
  await on.landfall(['migrate', '--yes', '--no-backup'], 1)
  await on.accept('projects', '2005', 'SELECT count(*) FROM pagtive_project')

  on.heading('6. Proof')
  await on.landfall(['verify'], 0)
  await on.sql('look.sql')
  await on.accept(
    'projects without owner and details without project',
    '0',
    `SELECT (SELECT count(*) FROM pagtive_project p LEFT JOIN authentication_user u ON u.id = p.user_id WHERE u.id IS NULL)
       + (SELECT count(*) FROM pagtive_projectdetail d LEFT JOIN pagtive_project p ON p.id = d.project_id WHERE p.id IS NULL)`,
  )
}
