import { defineMigration, env } from 'landfall'
import recipe from '../../recipes/plugin-to-backend/landfall.config.ts'

/** The recipe's moves, with the plugin's database at hand. */
export default defineMigration({
  ...recipe,
  source: env('PLUGIN_DATABASE_URL'),
  jobs: 2,
  boot: { state: 'plugin_db_migration_states', onlyIf: env('PLUGIN_DATABASE_URL'), waitAtMost: '5m' },
})
