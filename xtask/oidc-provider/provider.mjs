// An OpenID provider for the tests: anybody signs in with any name, and agrees to everything.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "the-desk",
      client_secret: "the secret of the desk & more",
      redirect_uris: ["https://desk.example/api/v1/auth/oauth/real/callback"],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "locale", "picture"] },
  // The desk asks for nothing beyond the ID token.
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/enter/${interaction.uid}` },
  // The account is the name that was given.
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@real.example`,
      email_verified: id !== "mallory",
      name: `${id[0].toUpperCase()}${id.slice(1)} Real`,
      locale: "fr",
      picture: "https://img.example/real.png",
    }),
  }),
  cookies: { keys: ["for tests only"] },
  ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 60, Interaction: 60, Session: 60, Grant: 60 },
});

async function enter(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    const account = new URL(request.url, issuer).searchParams.get("name");
    if (!account) {
      response.writeHead(200, { "content-type": "text/plain" });
      response.end("Who are you? Open this address with ?name=");
      return;
    }
    await provider.interactionFinished(request, response, { login: { accountId: account } });
    return;
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

createServer((request, response) => {
  if (!request.url.startsWith("/enter/")) {
    provider.callback()(request, response);
    return;
  }
  enter(request, response).catch((error) => {
    response.writeHead(500, { "content-type": "text/plain" });
    response.end(String(error));
  });
}).listen(port, "127.0.0.1");
