#!/usr/bin/env node
// Any Node.js from 12 on must be able to read this file, so that an old one can say what is wrong:
// no static imports, no newer syntax.
const OLDEST = 24

if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  refuse()
} else {
  quietAboutOurs()
  start()
}

function refuse() {
  const message = `Landfall needs Node.js ${OLDEST} or later; this is ${process.versions.node} (${process.execPath}).`
  const error = { code: 'LF006', message, hint: 'install a newer Node.js', place: null, details: null }
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ version: 1, command: process.argv[2] || '', error }))
  } else {
    console.error(`error LF006  ${message}`)
  }
  process.exitCode = 2
}

// What Landfall uses of Node.js may be marked as experimental; that is ours to know, not the user's. All other
// warnings stay.
function quietAboutOurs() {
  const emit = process.emitWarning
  process.emitWarning = (warning, ...more) => {
    const type = more[0] !== null && typeof more[0] === 'object' ? more[0].type : more[0]
    if (type === 'ExperimentalWarning' && /sqlite|type stripping|execve/i.test(String(warning))) return
    emit.call(process, warning, ...more)
  }
}

// A checkout has the sources and runs them as they are; the published package has only what was built.
function start() {
  Promise.all([import('node:module'), import('node:url')])
    .then(([module, url]) => {
      // What Node.js has compiled is kept beside the packages, which halves the time of a start. Never in a
      // folder that other users may write: what lies there is run. Where it cannot be written, nothing is.
      module.enableCompileCache(
        url.fileURLToPath(new URL('../node_modules/.cache/landfall', import.meta.url)),
      )
      return import('node:fs')
    })
    .then((fs) => {
      const source = new URL('../src/cli/main.ts', import.meta.url)
      const built = new URL('../dist/cli/main.js', import.meta.url)
      return import((fs.existsSync(source) ? source : built).href)
    })
    .then((main) => main.start())
    .catch((error) => {
      console.error(error)
      process.exitCode = 70
    })
}
