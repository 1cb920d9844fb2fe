// A receiver of webhooks as a stranger would write it: the public library of Standard Webhooks says whether a call is
// genuine. The secret is posted to /secret; whatever it answers about the last call is read from /last.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

let secret = "";
let last = { verified: false, error: "there was no call yet" };

const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces).toString("utf8");
    if (request.url === "/secret") {
      secret = body;
      response.end("kept");
    } else if (request.url === "/last") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(last));
    } else {
      try {
        const payload = new Webhook(secret).verify(body, request.headers);
        last = { verified: true, payload, id: request.headers["webhook-id"] };
        response.statusCode = 204;
      } catch (error) {
        last = { verified: false, error: String(error) };
        response.statusCode = 400;
      }
      response.end();
    }
  });
});

server.listen(Number(process.argv[2]), "127.0.0.1");
