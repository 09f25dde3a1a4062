/** Certificates for servers of tests. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./processes.ts";

export interface Certificate {
  /** Files, PEM: the certificate, and it behind its key. */
  readonly certificate: string;
  readonly both: string;
}

/** Makes a certificate for loopback that vouches for itself. */
export async function selfSigned(folder: string): Promise<Certificate> {
  const [key, certificate, both] = ["key.pem", "certificate.pem", "both.pem"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const request = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=127.0.0.1",
  ];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  await run([...request, ...names, "-keyout", key, "-out", certificate], 30_000);
  writeFileSync(both, readFileSync(key, "utf8") + readFileSync(certificate, "utf8"));
  return { certificate, both };
}
