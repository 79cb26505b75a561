import { StateTable } from '../src/boot/state.ts'
import { reachTarget } from '../src/connection/target.ts'
import { parseConnection } from '../src/connection/url.ts'

/** Prints the milliseconds that a new process needs to connect, to find the migration done, and to close. */
const [url, name] = process.argv.slice(2)
const state = new StateTable({ schema: 'landfall', name: 'boot_states' }, name!)
const began = performance.now()
const target = await reachTarget(parseConnection(url!), '.landfall')
const session = await target.open('boot')
const known = await state.read(session)
await session.close()
if (known?.status !== 'done') throw new Error(`${name} is ${known?.status ?? 'absent'}`)
process.stdout.write(`${performance.now() - began}\n`)
