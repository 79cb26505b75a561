// A backend in Node.js, which waits for its data by itself: node app.mjs, with PORT in the environment.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { boot } from 'landfall/boot'

try {
  const { outcome } = await boot(fileURLToPath(new URL('landfall.config.ts', import.meta.url)))
  console.error(`data: ${outcome}`)
} catch (error) {
  console.error(`not started: ${error.code} ${error.message}`)
  process.exit(error.exitCode ?? 1)
}

createServer((_, response) => response.end(`Node.js, process ${process.pid}\n`)).listen(
  Number(process.env.PORT),
  '127.0.0.1',
)
