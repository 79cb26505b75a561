import { isIPv4, isIPv6, type Socket } from 'node:net'

/** Where it listens when nothing is said. */
export const EXPORT_PORT = 8045

/** Who calls, as it is logged: an IPv4 address that came through an IPv6 socket is written as one. */
export function addressOf({ remoteAddress = 'unknown' }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '')
}

/** What counts as one caller: of IPv6 the network of 64 bits, in which one machine can have any address. */
export function callerOf(address: string): string {
  if (isIPv4(address) || !isIPv6(address)) return address
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}
