import { expect, test } from 'vitest'
import { endsOf } from '../../src/report/ends.ts'

test.each([
  ['actor', 'public.actor', 'actor'],
  ['sales.orders', 'sales.orders', 'sales.orders'],
  ['"we ""ird"."ta.b le"', 'we "ird.ta.b le', '"we ""ird"."ta.b le"'],
  ['orders', 'public.sales', 'orders -> public.sales'],
  ['sales.orders', 'public.orders', 'sales.orders -> public.orders'],
])('%s that became %s', (source, target, said) => expect(endsOf({ source, target })).toBe(said))
