-- Subscription rules and signed webhooks (product.md §8). What is a fact stands here as its event says it (`body` is the event's own);
-- secrets are in no event, so `webhook_secret` is the one table here that a rebuild cannot make again.
CREATE TABLE subscription (
    district text   NOT NULL,
    owner    text   NOT NULL,
    code     text   NOT NULL,
    version  bigint NOT NULL,
    body     bytea  NOT NULL,
    PRIMARY KEY (district, owner, code, version)
);
COMMENT ON TABLE subscription IS 'every version of every rule, since each holds for the events after its own positions; owner empty: the district';

CREATE TABLE webhook (
    district     text    NOT NULL,
    organisation text    NOT NULL,
    code         text    NOT NULL,
    version      bigint  NOT NULL,
    body         bytea   NOT NULL,
    url          text    NOT NULL,
    enabled      boolean NOT NULL,
    removed      boolean NOT NULL,
    PRIMARY KEY (district, organisation, code)
);

-- AES-256-GCM under the key file of ZTC_SECRETS_KEY, bound to the row's own names (shell_seal.h). `until`: an old one that still signs.
CREATE TABLE webhook_secret (
    district     text    NOT NULL,
    organisation text    NOT NULL,
    code         text    NOT NULL,
    number       integer NOT NULL,
    sealed       bytea   NOT NULL,
    until        timestamptz,
    PRIMARY KEY (district, organisation, code, number)
);

-- What the endpoint's answers taught; forgotten when it is registered or enabled again.
CREATE TABLE webhook_state (
    district     text    NOT NULL,
    organisation text    NOT NULL,
    code         text    NOT NULL,
    gone         timestamptz,
    not_before   timestamptz,
    failures     integer NOT NULL,
    "time"       timestamptz NOT NULL,
    status       integer NOT NULL,
    error        text    NOT NULL,
    PRIMARY KEY (district, organisation, code)
);
COMMENT ON COLUMN webhook_state.failures IS 'attempts that failed since one was taken';

-- What later events of an order do not say of it, where it is not the usual: its urgency, the feed it came from.
CREATE TABLE order_mark (
    district text   NOT NULL,
    "order"  bigint NOT NULL,
    urgency  text   NOT NULL,
    feed     text   NOT NULL,
    PRIMARY KEY (district, "order")
);

-- One row for each (event, channel, recipient), whatever happens.
CREATE TABLE delivery (
    district     text        NOT NULL,
    channel      text        NOT NULL,
    organisation text        NOT NULL,
    endpoint     text        NOT NULL,
    producer     text        NOT NULL,
    part         integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    notice       bigint      NOT NULL,
    event        text        NOT NULL,
    type         text        NOT NULL,
    side         text        NOT NULL,
    "order"      bigint      NOT NULL,
    body         text        NOT NULL,
    zone         text        NOT NULL,
    quiet_from   integer     NOT NULL,
    quiet_to     integer     NOT NULL,
    recorded     timestamptz NOT NULL,
    state        text        NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    due          timestamptz NOT NULL,
    tries        integer     NOT NULL,
    resent       integer     NOT NULL,
    finished     timestamptz,
    error        text        NOT NULL,
    PRIMARY KEY (district, channel, organisation, endpoint, producer, part, "offset")
);
COMMENT ON COLUMN delivery.event IS 'the event''s id, which is the webhook-id of every attempt';
COMMENT ON COLUMN delivery.notice IS 'as in inbox: newest first, for paging';
CREATE INDEX delivery_due ON delivery (district, organisation, endpoint, due) WHERE state = 'waiting';
CREATE INDEX delivery_listed ON delivery (district, organisation, notice);
CREATE INDEX delivery_dead ON delivery (district, organisation, notice) WHERE state = 'dead';
CREATE INDEX delivery_finished ON delivery (finished) WHERE state = 'delivered';

CREATE TABLE attempt (
    district     text        NOT NULL,
    channel      text        NOT NULL,
    organisation text        NOT NULL,
    endpoint     text        NOT NULL,
    producer     text        NOT NULL,
    part         integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    resent       integer     NOT NULL,
    number       integer     NOT NULL,
    "time"       timestamptz NOT NULL,
    status       integer     NOT NULL,
    error        text        NOT NULL,
    ms           bigint      NOT NULL,
    PRIMARY KEY (district, channel, organisation, endpoint, producer, part, "offset", resent, number),
    FOREIGN KEY (district, channel, organisation, endpoint, producer, part, "offset") REFERENCES delivery ON DELETE CASCADE
);
COMMENT ON COLUMN attempt.status IS 'HTTP status; 0: none came, and error says why';
