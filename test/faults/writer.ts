import { DatabaseSync } from 'node:sqlite'

// An application that moves money between accounts, a few hundred times a second, until it is told to stop.
const db = new DatabaseSync(process.argv[2]!, { timeout: 2_000 })
const failures: string[] = []
let commits = 0
let longest = 0
let stopping = false
process.on('SIGTERM', () => {
  stopping = true
})

const insert = db.prepare('INSERT INTO transfers ("from", "to", amount) VALUES (?, ?, ?)')
const add = db.prepare('UPDATE accounts SET balance = balance + ? WHERE id = ?')

function transfer(): void {
  const [from, to] = [1 + (commits % 20), 1 + ((commits * 7 + 3) % 20)]
  const began = performance.now()
  try {
    db.exec('BEGIN')
    insert.run(from, to, 1 + (commits % 9))
    add.run(-1 - (commits % 9), from)
    add.run(1 + (commits % 9), to)
    db.exec('COMMIT')
    commits++
  } catch (error) {
    failures.push(String(error))
    if (db.isTransaction) db.exec('ROLLBACK')
  }
  longest = Math.max(longest, Math.round(performance.now() - began))
  process.send?.({ commits, failures, longest })
  if (!stopping) setTimeout(transfer, 3)
  else {
    db.close()
    process.disconnect?.()
  }
}
transfer()
