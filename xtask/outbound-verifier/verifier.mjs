// Looks at what the desk sends out as strangers would, with libraries of others.
//
// POST /dkim    {"raw", "name", "record"}: whether a mail is signed by a key whose DNS record this is
// POST /key     {}: a new RSA key, its secret half in PEM and its public half as DNS has it
// POST /push    {"body", "private", "auth"}, all in URL-safe base 64: what a browser of this key reads of a message
import { createECDH, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import ece from "http_ece";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";

async function dkim({ raw, name, record }) {
  const resolver = async (asked, type) => {
    if (type === "TXT" && asked === name) {
      return [[record]];
    }
    throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
  const { results } = await dkimVerify(Buffer.from(raw, "utf8"), { resolver });
  return results.map((one) => ({
    result: one.status.result,
    domain: one.signingDomain,
    selector: one.selector,
    said: one.status.comment ?? "",
  }));
}

function push({ body, private: secret, auth }) {
  const key = createECDH("prime256v1");
  key.setPrivateKey(Buffer.from(secret, "base64url"));
  const read = ece.decrypt(Buffer.from(body, "base64url"), { version: "aes128gcm", privateKey: key, authSecret: auth });
  return { read: read.toString("utf8") };
}

function key() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { pem: privateKey, record: `v=DKIM1; k=rsa; p=${publicKey.toString("base64")}` };
}

const tasks = { "/dkim": dkim, "/key": key, "/push": push };

const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", async () => {
    response.setHeader("content-type", "application/json");
    try {
      const asked = JSON.parse(Buffer.concat(pieces).toString("utf8"));
      const answer = await tasks[request.url](asked);
      response.end(JSON.stringify(answer));
    } catch (error) {
      response.statusCode = 400;
      response.end(JSON.stringify({ error: String(error) }));
    }
  });
});

server.listen(Number(process.argv[2]), "127.0.0.1");
