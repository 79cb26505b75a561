import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Whether a caller's token is the right one, in a time that tells nothing of how much of it is: digests of
 * equal length are compared, under a key that no caller knows.
 */
export function tokenTest(token: string): (given: string) => boolean {
  const key = randomBytes(32)
  const digest = (text: string): Buffer => createHmac('sha256', key).update(text, 'latin1').digest()
  const right = digest(token)
  return (given) => timingSafeEqual(digest(given), right)
}
