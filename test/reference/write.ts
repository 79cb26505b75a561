import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { referencePages } from './pages.ts'

/** Writes the pages of docs/reference that are made from the product: npx node test/reference/write.ts */
for (const [path, text] of Object.entries(referencePages())) {
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
