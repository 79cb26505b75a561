import pg from 'pg'

/**
 * The script that Landfall replaces: looks up each project by its key, and inserts or updates it. It is
 * written with some care: owners are matched beforehand, statements are prepared, nothing is committed in
 * between, and rows are read beforehand. Prints the rows of a second of its loop, which is all that is timed.
 */
const COLUMNS = ['user_id', 'title', 'note', 'price', 'visits', 'is_public', 'updated_at'] as const
type Project = Readonly<Record<'id' | (typeof COLUMNS)[number], unknown>>

const LOOK_UP = { name: 'look-up', text: `SELECT ${COLUMNS.join(', ')} FROM projects WHERE id = $1` }
const INSERT = {
  name: 'insert',
  text: `INSERT INTO projects (id, ${COLUMNS.join(', ')}) VALUES ($1, ${COLUMNS.map((_, i) => `$${i + 2}`).join(', ')})`,
}
const UPDATE = {
  name: 'update',
  text: `UPDATE projects SET ${COLUMNS.map((column, i) => `${column} = $${i + 2}`).join(', ')} WHERE id = $1`,
}

const [from, to, rows] = process.argv.slice(2)
const source = new pg.Client({ connectionString: from })
const target = new pg.Client({ connectionString: to })
await Promise.all([source.connect(), target.connect()])
const owners = await matchOwners()
const { rows: projects } = await source.query<Project>('SELECT * FROM projects LIMIT $1', [rows])
await target.query('BEGIN')
const began = performance.now()
for (const project of projects) await merge({ ...project, user_id: owners.get(String(project.user_id)) })
await target.query('COMMIT')
process.stdout.write(String((projects.length * 1000) / (performance.now() - began)))
await Promise.all([source.end(), target.end()])

async function merge(project: Project): Promise<void> {
  const values = [project.id, ...COLUMNS.map((column) => project[column])]
  const { rows } = await target.query<Project>({ ...LOOK_UP, values: [project.id] })
  const [there] = rows
  if (there === undefined) await target.query({ ...INSERT, values })
  else if (COLUMNS.some((column) => differs(there[column], project[column])))
    await target.query({ ...UPDATE, values })
}

function differs(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() !== b.getTime() : a !== b
}

/** New keys by old ones. Who is missing is created. */
async function matchOwners(): Promise<ReadonlyMap<string, string>> {
  type User = { readonly id: string; readonly email: string; readonly name: string; readonly joined: Date }
  const { rows: old } = await source.query<User>('SELECT * FROM users')
  const { rows: there } = await target.query<User>('SELECT * FROM users')
  const byEmail = new Map(there.map(({ id, email }) => [email.toLowerCase(), id]))
  const found = new Map<string, string>()
  for (const { id, email, name, joined } of old) {
    let known = byEmail.get(email.toLowerCase())
    if (known === undefined) {
      const create = 'INSERT INTO users (email, name, joined) VALUES ($1, $2, $3) RETURNING id'
      known = (await target.query<User>(create, [email, name, joined])).rows[0]!.id
    }
    found.set(id, known)
  }
  return found
}
