/** Exit statuses, each with what to do. */
export const EXIT_STATUSES: readonly {
  readonly status: number
  readonly what: string
  readonly todo: string
}[] = [
  {
    status: 0,
    what: 'Done; or done before, so that there is nothing to do, even where rows were set aside then. Of verify: all that was to be compared was compared, and is the same.',
    todo: 'Nothing.',
  },
  {
    status: 1,
    what: 'Done, with rows set aside, differences, or something that could not be compared.',
    todo: 'Read the report: rows set aside are in landfall.rejects with their reason and content; of rows that differ it names table, key and columns, and landfall verify --repair mends them.',
  },
  {
    status: 2,
    what: 'The command line or the config cannot be understood.',
    todo: 'Correct what the message names. Nothing was written.',
  },
  { status: 3, what: 'The source cannot be read.', todo: 'See to the source, then run the same command.' },
  {
    status: 4,
    what: 'The target cannot be reached, or refused something.',
    todo: 'See to the target, then run the same command: it goes on where it stopped.',
  },
  {
    status: 5,
    what: 'Refused before writing: the plan has blockers, or a question was declined.',
    todo: 'Take the decisions that are listed, each with its choices. landfall plan ends so too when there are any.',
  },
  {
    status: 6,
    what: 'Another run holds the lock.',
    todo: 'Wait for it or stop it; landfall status shows how far it is.',
  },
  { status: 70, what: 'A bug in Landfall.', todo: 'Report it with what was printed.' },
  {
    status: 127,
    what: '`landfall boot` has migrated, and the application could not be started. Any other status of it is the application’s own.',
    todo: 'Check the command after `--`.',
  },
  {
    status: 130,
    what: 'Interrupted by Ctrl-C or SIGTERM.',
    todo: 'Run the same command: it goes on where it stopped.',
  },
]
