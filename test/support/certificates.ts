import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import {
  alternativeName,
  bits,
  identifier,
  integer,
  octets,
  sequence,
  set,
  tagged,
  text,
  time,
  truth,
} from "./certificates-der.js";
import { guard, unguard } from "./guardian.js";

/** Where the PEM files of one party lie, in the words of the product's `tls`. */
export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** What a certificate says. */
export interface CertificateContent {
  /** Common name. */
  readonly name: string;
  /** Hosts that it is for; default 127.0.0.1 and localhost. */
  readonly hosts?: readonly string[];
  /** When it ends; default in a year. It began two years before. */
  readonly until?: Date;
}

/** A certificate and its key, as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

const day = 86_400_000;
const ecdsaWithSha256 = sequence(identifier("1.2.840.10045.4.3.2"));

/** Makes certificates for tests, in a temporary folder that goes with this process at the latest. */
export class CertificateAuthority {
  readonly certificate: string;
  readonly directory: string;
  readonly #name: string;
  readonly #key: KeyObject;
  #written = 0;

  constructor(name: string) {
    const { privateKey, publicKey } = keyPair();
    this.#name = name;
    this.#key = privateKey;
    this.certificate = signed({ name, hosts: [] }, publicKey, { name, key: privateKey }, true);
    this.directory = mkdtempSync(join(tmpdir(), "express-fleet-certificates-"));
    guard(this.directory, 0, this.directory);
  }

  /** The file with this authority's own certificate. */
  get caFile(): string {
    const path = join(this.directory, "ca.pem");
    writeFileSync(path, this.certificate);
    return path;
  }

  /** Vouches for a new key. */
  issue(content: CertificateContent): Certificate {
    const { privateKey, publicKey } = keyPair();
    const certificate = signed(content, publicKey, { name: this.#name, key: this.#key }, false);
    return { certificate, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }

  /** Vouches for a new key, and writes it and its certificate into files of its own. */
  write(content: CertificateContent): TlsFiles {
    this.#written += 1;
    const { certificate, key } = this.issue(content);
    const path = (end: string): string => join(this.directory, `${this.#written}-${end}.pem`);
    const files = { caFile: this.caFile, certFile: path("cert"), keyFile: path("key") };
    writeFileSync(files.certFile, certificate);
    writeFileSync(files.keyFile, key);
    return files;
  }

  /** Removes the files. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    unguard(this.directory);
  }
}

/** What `tls.connect` takes, for whoever administrates the servers of a test: any server's certificate will do, also a bad one. */
export function administratorTls({ certFile, keyFile }: TlsFiles): ConnectionOptions {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile), rejectUnauthorized: false };
}

function keyPair(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function signed(
  { name, hosts = ["127.0.0.1", "localhost"], until = new Date(Date.now() + 365 * day) }: CertificateContent,
  publicKey: KeyObject,
  issuer: { readonly name: string; readonly key: KeyObject },
  isAuthority: boolean,
): string {
  const extensions = [
    ...(isAuthority ? [sequence(identifier("2.5.29.19"), truth, octets(sequence(truth)))] : []),
    ...(hosts.length > 0 ? [sequence(identifier("2.5.29.17"), octets(sequence(...hosts.map(alternativeName))))] : []),
  ];
  const content = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    sequence(time(new Date(until.getTime() - 730 * day)), time(until)),
    distinguishedName(name),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions)),
  );
  const der = sequence(content, ecdsaWithSha256, bits(sign("sha256", content, issuer.key)));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(name: string): Buffer {
  return sequence(set(sequence(identifier("2.5.4.3"), text(name))));
}
