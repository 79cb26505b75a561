import { readFileSync, statSync } from 'node:fs'

/**
 * Looks a password up in libpq's password file: lines of `host:port:database:user:password`, where `*`
 * fits anything and `\` protects `:` and `\`. The first line that fits wins.
 * A file that others may read is not used, as in libpq; that is said in `notes`.
 */
export function passwordFromFile(
  path: string,
  wanted: { host: string; port: number; database: string; user: string },
  notes: string[],
): string | null {
  let text: string
  try {
    const { mode } = statSync(path)
    if ((mode & 0o170000) !== 0o100000) {
      notes.push(`the password file ${path} is not used: it is no plain file`)
      return null
    }
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      notes.push(`the password file ${path} is not used: others may read it (chmod 600 changes that)`)
      return null
    }
    text = readFileSync(path, 'utf8')
  } catch {
    return null
  }
  // A socket in its usual place goes by the name localhost there.
  const usual = ['/tmp', '/run/postgresql', '/var/run/postgresql'].includes(wanted.host)
  const hosts = usual ? ['localhost', wanted.host] : [wanted.host]
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue
    const fields = line.match(/(?:^|:)(?:[^:\\]|\\.|\\$)*/g)?.map((field) => field.replace(/^:/, '')) ?? []
    const [host, port, database, user] = fields.map((field) => field.replace(/\\(.)/g, '$1'))
    // The password is the fifth field; what follows a further colon is not part of it.
    const password = fields[4]?.replace(/\\(.)/g, '$1')
    if (password === undefined || password === '') continue
    const fits = (field: string | undefined, raw: string | undefined, value: string): boolean =>
      raw === '*' || field === value
    if (
      hosts.some((name) => fits(host, fields[0], name)) &&
      fits(port, fields[1], String(wanted.port)) &&
      fits(database, fields[2], wanted.database) &&
      fits(user, fields[3], wanted.user)
    )
      return password
  }
  return null
}
