// SPDX-License-Identifier: Apache-2.0
// An OpenID provider with a certificate of the cluster's authority, for oidc.sh:
//   provider.js ISSUER CERTIFICATE KEY
// Anybody may log in under any name; groups are what stands behind '+' in it ("bob+viewers").
// Tokens of "brief" end after a second.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [issuer, certificate, key] = process.argv.slice(2);

const client = (id) => ({
  client_id: id,
  client_secret: 'secret',
  redirect_uris: ['https://client.example.org/callback'],
});

const provider = new Provider(issuer, {
  clients: [client('kubernetes'), client('other')],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: false,
  pkce: { required: () => false },
  ttl: {
    IdToken: (ctx) => (ctx.oidc.account?.accountId.startsWith('brief') ? 1 : 3600),
    Interaction: 300,
    Session: 300,
    Grant: 300,
    AccessToken: 300,
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => {
      const [name, ...groups] = id.split('+');
      return { sub: id, email: `${name}@example.org`, email_verified: name !== 'unverified', groups };
    },
  }),
});

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback()).listen(
  Number(new URL(issuer).port),
  '127.0.0.1',
  () => console.log('ready'),
);
