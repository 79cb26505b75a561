import { defineMigration, env } from 'landfall'
import atStart from './landfall.config.ts'

/** The same migration by hand, by somebody who knows the plugin's database. */
export default defineMigration({ ...atStart, source: env('PLUGIN_DATABASE_URL') })
