import type { MigrationConfig } from './model.ts'

/** Gives the config back as it is; its purpose is that an editor knows the keys and marks a wrong one. */
export function defineMigration(config: MigrationConfig): MigrationConfig {
  return config
}
