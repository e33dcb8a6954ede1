/** A certificate for one run, for TURN over TLS, of an authority made for it. */
import { execFile } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  /** PEM files: the chain, its private key (0600), and the authority to be trusted. */
  readonly cert: string
  readonly key: string
  readonly authority: string
}

/** Makes one that is good for a day, for `names`, in a private directory. */
export async function makeCertificate(
  directory: string,
  names: readonly string[],
): Promise<Certificate> {
  const openssl = (args: string): Promise<unknown> =>
    promisify(execFile)('openssl', args.split(' '), { cwd: directory })
  const ec = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  await openssl(
    `req -x509 ${ec} -days 1 -subj /CN=Test-authority -keyout authority.key -out authority.pem`,
  )
  await openssl(`req ${ec} -subj /CN=${names[0]} -keyout relay.key -out relay.csr`)
  await writeFile(
    join(directory, 'relay.ext'),
    `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`,
  )
  await openssl(
    'x509 -req -in relay.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 1 ' +
      '-extfile relay.ext -out relay.pem',
  )
  await chmod(join(directory, 'relay.key'), 0o600)
  return {
    cert: join(directory, 'relay.pem'),
    key: join(directory, 'relay.key'),
    authority: join(directory, 'authority.pem'),
  }
}
