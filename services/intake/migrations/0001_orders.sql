-- Orders until they are placed; the row then stays as it was handed over, so that a late repeat of a feed is known.
CREATE TABLE orders (
    district    text   NOT NULL,
    id          bigint NOT NULL,
    place       text   NOT NULL,
    town        text   NOT NULL,
    feed        text   NOT NULL,
    external_id text   NOT NULL,
    state       text   NOT NULL,
    version     bigint NOT NULL,
    last_offset bigint NOT NULL,
    wish        bytea  NOT NULL,
    PRIMARY KEY (district, id)
) WITH (fillfactor = 80);
COMMENT ON COLUMN orders.wish IS 'what is asked for, as msgpack; empty for external orders';
-- (district, feed, external id) is unique for ever (product.md §3).
CREATE UNIQUE INDEX orders_external ON orders (district, feed, external_id) WHERE external_id <> '';
