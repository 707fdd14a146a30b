/** Operators, accounts and users of NATS: JSON web tokens, each signed with the key of the level above. */
import { randomUUID } from 'node:crypto'
import {
  createAccount as accountKey,
  createOperator as operatorKey,
  createUser as userKey,
  type KeyPair,
} from '@nats-io/nkeys'

export interface Identity {
  readonly id: string
  readonly key: KeyPair
  readonly jwt: string
}

const encoder = new TextEncoder()

function encode(value: object | Uint8Array): string {
  return Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url')
}

function sign(type: 'operator' | 'account' | 'user', key: KeyPair, by: KeyPair, more: object = {}): Identity {
  const id = key.getPublicKey()
  const nats = { ...more, type, version: 2 }
  const claims = {
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: by.getPublicKey(),
    name: type,
    sub: id,
    nats,
  }
  const body = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`
  return { id, key, jwt: `${body}.${encode(by.sign(encoder.encode(body)))}` }
}

export function createOperator(): Identity {
  const key = operatorKey()
  return sign('operator', key, key)
}

export function createAccount(operator: Identity): Identity {
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  return sign('account', accountKey(), operator.key, { limits })
}

export function createUser(account: Identity): Identity {
  return sign('user', userKey(), account.key, { subs: -1, data: -1, payload: -1 })
}

/** The text of a `.creds` file. */
export function fmtCreds({ jwt, key }: Identity): string {
  const seed = new TextDecoder().decode(key.getSeed())
  return [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n')
}
