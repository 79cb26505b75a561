/**
 * What is wrong with an exporter's address, for people; null: nothing. The address itself is not repeated,
 * for one with a password in it is one of the mistakes.
 */
export function baseProblem(text: string): string | null {
  const url = URL.parse(text.trim())
  if (url === null || !/^https?:\/\//i.test(text.trim()))
    return 'must be an address such as http://plugin-env:8045'
  if (url.username !== '' || url.password !== '')
    return 'must not hold a user or password: the token is what lets in'
  if (url.search !== '' || url.hash !== '') return 'must end before any ? or #'
  return null
}

/** Of an address without problem: the form to which paths are appended. */
export function plainBase(text: string): string {
  return new URL(text.trim()).href.replace(/\/+$/, '')
}
