// node check.mjs REQUEST.json: whether npm's standardwebhooks and cloudevents take a request that a receiver got. Prints "accepted",
// or says what is wrong and ends with status 1.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const { headers, body, order, secrets, wrong } = JSON.parse(readFileSync(process.argv[2], "utf8"));

for (const secret of secrets) {
    const webhook = new Webhook(secret);
    assert.equal(webhook.verify(body, headers).data.order, order);
    assert.throws(() => webhook.verify(body.replace("order_submitted", "order_placed"), headers), WebhookVerificationError);
    assert.throws(() => webhook.verify(body, { ...headers, "webhook-id": "another" }), WebhookVerificationError);
}
assert.throws(() => new Webhook(wrong).verify(body, headers), WebhookVerificationError);

assert.ok(HTTP.isEvent({ headers, body }));
const event = HTTP.toEvent({ headers, body });
assert.ok(event.validate());
assert.equal(event.specversion, "1.0");
assert.equal(event.id, headers["webhook-id"]);
assert.equal(event.type, "order_submitted");
assert.equal(event.subject, `order/${order}`);
assert.equal(event.data.order, order);
console.log("accepted");
