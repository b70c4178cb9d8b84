// Which IP addresses lie in the public internet. Everything else (private, loopback, link-local, shared, multicast,
// reserved, and IPv6 forms that carry an IPv4 address inside) may lead into the network the server stands in.
// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates).
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IPv4 ranges that are not public, each with its name for messages. */
const SPECIAL_IPV4: readonly (readonly [string, number, string])[] = [
  ['0.0.0.0', 8, 'unspecified'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'carrier-grade NAT'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'protocol assignments'],
  ['192.0.2.0', 24, 'documentation'],
  ['192.88.99.0', 24, '6to4 relay'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'benchmarking'],
  ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
  // A public address on which every Azure machine finds its host's metadata service.
  ['168.63.129.16', 32, 'cloud host service'],
];

/** Only this block of IPv6 is given out for the public internet … */
const GLOBAL_IPV6 = subnet('2000::', 3, 'ipv6');

/** … except for these parts of it. */
const SPECIAL_IPV6: readonly (readonly [string, number, string])[] = [
  ['2001::', 23, 'protocol assignments (Teredo among them)'],
  ['2001:db8::', 32, 'documentation'],
  ['2002::', 16, '6to4, which carries an IPv4 address'],
  ['3fff::', 20, 'documentation'],
];

/** What the ranges outside the global block are called. */
const OTHER_IPV6: readonly (readonly [string, number, string])[] = [
  ['::1', 128, 'loopback'],
  ['::', 128, 'unspecified'],
  ['::ffff:0:0', 96, 'IPv4-mapped'],
  ['64:ff9b::', 16, 'NAT64, which carries an IPv4 address'],
  ['fc00::', 7, 'private'],
  ['fe80::', 10, 'link-local'],
  ['ff00::', 8, 'multicast'],
];

const IPV4_RANGES = SPECIAL_IPV4.map(([start, bits, name]) => [subnet(start, bits, 'ipv4'), name] as const);
const IPV6_RANGES = SPECIAL_IPV6.map(([start, bits, name]) => [subnet(start, bits, 'ipv6'), name] as const);
const OTHER_RANGES = OTHER_IPV6.map(([start, bits, name]) => [subnet(start, bits, 'ipv6'), name] as const);

function subnet(start: string, bits: number, family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  list.addSubnet(start, bits, family);
  return list;
}

/**
 * The class of an address that is not public (`private`, `loopback`, …), or null for a public one.
 * What is no IP address in its usual form is `not an IP address`.
 */
export function specialAddressClass(address: string): string | null {
  if (isIPv4(address)) return IPV4_RANGES.find(([range]) => range.check(address, 'ipv4'))?.[1] ?? null;
  if (!isIPv6(address)) return 'not an IP address';
  if (!GLOBAL_IPV6.check(address, 'ipv6')) {
    return OTHER_RANGES.find(([range]) => range.check(address, 'ipv6'))?.[1] ?? 'reserved';
  }
  return IPV6_RANGES.find(([range]) => range.check(address, 'ipv6'))?.[1] ?? null;
}

/** Whether an address lies in the public internet. */
export function isPublicAddress(address: string): boolean {
  return specialAddressClass(address) === null;
}
