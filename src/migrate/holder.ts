import { hostname } from 'node:os'
import type { Holder } from '../journal/model.ts'

/** This process, as others are told who is at work. */
export const holder = (): Holder => ({ host: hostname(), pid: process.pid })
