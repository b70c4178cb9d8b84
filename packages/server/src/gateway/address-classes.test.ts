import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPublicAddress, specialAddressClass } from './address-classes.ts';

test('specialAddressClass names what is not public, at both ends of each range', () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['0.0.0.0', /unspecified/],
    ['0.255.255.255', /unspecified/],
    ['10.0.0.0', /private/],
    ['10.255.255.255', /private/],
    ['100.64.0.0', /carrier/],
    ['100.127.255.255', /carrier/],
    ['127.0.0.1', /loopback/],
    ['127.255.255.254', /loopback/],
    ['169.254.169.254', /link-local/],
    ['172.16.0.0', /private/],
    ['172.31.255.255', /private/],
    ['192.0.0.192', /protocol/],
    ['192.168.0.1', /private/],
    ['198.19.255.255', /benchmarking/],
    ['203.0.113.9', /documentation/],
    ['224.0.0.1', /multicast/],
    ['239.255.255.255', /multicast/],
    ['240.0.0.1', /reserved/],
    ['255.255.255.255', /reserved/],
    ['168.63.129.16', /cloud/],
    ['::', /unspecified/],
    ['::1', /loopback/],
    ['::7f00:1', /reserved/],
    ['::ffff:127.0.0.1', /mapped/],
    ['::ffff:8.8.8.8', /mapped/],
    ['64:ff9b::7f00:1', /NAT64/],
    ['64:ff9b:1::a00:1', /NAT64/],
    ['fc00::1', /private/],
    ['fd00:ec2::254', /private/],
    ['fe80::1', /link-local/],
    ['fe80::1%eth0', /link-local/],
    ['febf::1', /link-local/],
    ['ff02::1', /multicast/],
    ['2001::1', /Teredo/],
    ['2001:db8::1', /documentation/],
    ['2002:7f00:1::', /6to4/],
    ['3fff::1', /documentation/],
    ['5f00::1', /reserved/],
    ['1fff::1', /reserved/],
    ['localhost', /not an IP/],
    ['0x7f.1', /not an IP/],
    ['', /not an IP/],
  ];
  for (const [address, expected] of table) assert.match(specialAddressClass(address) ?? 'public', expected, address);
});

test('isPublicAddress lets the neighbours of the special ranges through', () => {
  for (const address of [
    '1.0.0.0',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2606:4700:4700::1111',
    '2a00:1450:4001::5',
    '3ffe::1',
  ]) {
    assert.ok(isPublicAddress(address), address);
  }
});
