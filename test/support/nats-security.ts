/** Certificates of a private authority, and an operator with accounts, for a nats-server that trusts nobody else. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount, createOperator, createUser, fmtCreds } from './nats-accounts.ts'

export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly clientCert: string
  readonly clientKey: string
}

/** Certificates for 127.0.0.1, made by openssl in `folder`. */
export function certificates(folder: string): Certificates {
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority')
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    writeFileSync(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed)
  }
  return {
    ca: at('ca.pem'),
    cert: at('server.pem'),
    key: at('server.key'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
  }
}

export interface Accounts {
  /** File for `nats-server -c`. */
  readonly config: string
  /** A `.creds` file of a user of its account. */
  readonly creds: string
  /** A `.creds` file of a user whose account the server does not know. */
  readonly foreign: string
}

/** Creates an operator, an account and a user, as files in `folder`. */
export function accounts(folder: string): Accounts {
  const operator = createOperator()
  const account = createAccount(operator)
  const files = { config: join(folder, 'nats.conf'), creds: join(folder, 'a.creds'), foreign: join(folder, 'b.creds') }
  writeFileSync(
    files.config,
    `operator: ${operator.jwt}\nresolver: MEMORY\nresolver_preload: { ${account.id}: ${account.jwt} }\n`,
  )
  writeFileSync(files.creds, fmtCreds(createUser(account)), { mode: 0o600 })
  writeFileSync(files.foreign, fmtCreds(createUser(createAccount(createOperator()))), { mode: 0o600 })
  return files
}
