// Makes a certificate for tests, so that no private key has to lie in the repository.
// Source: RFC 5280 §4.1 (structure), X.690 §8 and §10 (DER).
import { generateKeyPairSync, sign } from 'node:crypto';

/** A certificate for one DNS name, signed by itself, valid from 2020 to 9999; both parts as PEM. */
export function createSelfSignedCertificate(dnsName: string): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const signatureAlgorithm = der(0x30, der(0x06, hex('2a8648ce3d040302'))); // ecdsa-with-SHA256
  const commonName = der(0x30, der(0x06, hex('550403')), der(0x0c, text(dnsName)));
  const name = der(0x30, der(0x31, commonName));
  const alternativeName = der(0x30, der(0x82, text(dnsName)));
  const extension = der(0x30, der(0x06, hex('551d11')), der(0x04, alternativeName));
  const authority = der(
    0x30,
    der(0x06, hex('551d13')),
    der(0x01, hex('ff')),
    der(0x04, der(0x30, der(0x01, hex('ff')))),
  );
  const toBeSigned = der(
    0x30,
    der(0xa0, der(0x02, hex('02'))), // version 3
    der(0x02, hex('01')), // serial number
    signatureAlgorithm,
    name,
    der(0x30, der(0x17, text('200101000000Z')), der(0x18, text('99991231235959Z'))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, extension, authority)),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = der(0x30, toBeSigned, signatureAlgorithm, der(0x03, hex('00'), signature));
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const contents = Buffer.concat(parts);
  const length = contents.length < 128 ? [contents.length] : [0x82, contents.length >> 8, contents.length & 0xff];
  return Buffer.concat([Uint8Array.from([tag, ...length]), contents]);
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}

function text(value: string): Buffer {
  return Buffer.from(value, 'ascii');
}
