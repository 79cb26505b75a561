// A backend in Node.js, which waits for its data by itself: node app.mjs, with PORT in the environment.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { boot } from 'landfall/boot'

// Whom it waits for and how far that one is, among others: what nobody is told looks like a process that hangs.
const progress = (event) => {
  if (event.kind === 'phase') console.error([event.phase, event.detail].filter(Boolean).join(': '))
  if (event.kind === 'note') console.error(event.text)
}

try {
  const config = fileURLToPath(new URL('landfall.config.ts', import.meta.url))
  const { outcome } = await boot(config, { progress })
  console.error(`data: ${outcome}`)
} catch (error) {
  console.error(`not started: ${error.code} ${error.message}`)
  process.exit(error.exitCode ?? 1)
}

createServer((_, response) => response.end(`Node.js, process ${process.pid}\n`)).listen(
  Number(process.env.PORT),
  '127.0.0.1',
)
