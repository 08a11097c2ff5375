-- The same tables in every service's schema (architecture.md §3): the event log, what was consumed, the answers given,
-- the leases. Runs with search_path set to the service's schema, which belongs to ztc_owner (no login).
CREATE TABLE event (
    part        integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    id          uuid        NOT NULL,
    type        text        NOT NULL,
    version     bigint      NOT NULL,
    district    text        NOT NULL,
    key         text        NOT NULL,
    "time"      timestamptz NOT NULL,
    recorded    timestamptz NOT NULL,
    traceparent text        NOT NULL,
    body        bytea       NOT NULL,
    PRIMARY KEY (part, "offset")
) PARTITION BY RANGE ("offset");
COMMENT ON TABLE event IS 'what this service says happened; offsets are dense per part; never updated';

-- Where the log stood when a partition was archived, so that heads survive it.
CREATE TABLE log_head (
    part     integer NOT NULL,
    "offset" bigint  NOT NULL,
    PRIMARY KEY (part, "offset")
);

CREATE TABLE lease (
    part   integer PRIMARY KEY,
    epoch  bigint  NOT NULL,
    holder text    NOT NULL,
    beat   bigint  NOT NULL,
    pub    text    NOT NULL,
    router text    NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE lease IS 'who owns a part; a write names its epoch, and an older epoch changes nothing';

-- Insert-only: the insert of from_offset is the compare-and-set of a consumer's position.
CREATE TABLE cursor (
    producer    text    NOT NULL,
    part        integer NOT NULL,
    from_offset bigint  NOT NULL,
    to_offset   bigint  NOT NULL,
    PRIMARY KEY (producer, part, from_offset)
);

CREATE TABLE command (
    district text        NOT NULL,
    caller   text        NOT NULL,
    id       text        NOT NULL,
    digest   bytea       NOT NULL,
    answer   bytea       NOT NULL,
    recorded timestamptz NOT NULL,
    PRIMARY KEY (district, caller, id)
);
CREATE INDEX command_recorded ON command USING brin (recorded);

-- How far each key's line of versions was applied here, and what came before its turn.
CREATE TABLE line (
    district text   NOT NULL,
    key      text   NOT NULL,
    version  bigint NOT NULL,
    PRIMARY KEY (district, key)
) WITH (fillfactor = 50);
CREATE TABLE parked (
    district    text        NOT NULL,
    key         text        NOT NULL,
    version     bigint      NOT NULL,
    producer    text        NOT NULL,
    part        integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    id          uuid        NOT NULL,
    type        text        NOT NULL,
    "time"      timestamptz NOT NULL,
    recorded    timestamptz NOT NULL,
    traceparent text        NOT NULL,
    body        bytea       NOT NULL,
    PRIMARY KEY (district, key, version)
);
-- Events that could not be handled: they block their own key's line only, and are shown.
CREATE TABLE poison (
    producer text        NOT NULL,
    part     integer     NOT NULL,
    "offset" bigint      NOT NULL,
    district text        NOT NULL,
    key      text        NOT NULL,
    version  bigint      NOT NULL,
    type     text        NOT NULL,
    reason   text        NOT NULL,
    recorded timestamptz NOT NULL,
    body     bytea       NOT NULL,
    PRIMARY KEY (producer, part, "offset")
);

-- The directory as this service last heard it.
CREATE TABLE directory_fact (
    district text   NOT NULL,
    key      text   NOT NULL,
    version  bigint NOT NULL,
    type     text   NOT NULL,
    body     bytea  NOT NULL,
    PRIMARY KEY (district, key)
);

-- A partition holds a million offsets; the owner of the log asks for the next one well before it is needed. It runs as the
-- schema's owner, since the service's role may not create tables.
CREATE FUNCTION log_partition_ensure(upto bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    size  constant bigint := 1000000;
    first bigint;
    name  text;
BEGIN
    FOR first IN SELECT generate_series(0, upto / size) * size LOOP
        name := 'event_' || to_char(first / size, 'FM000000');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES FROM (%s) TO (%s)', name, first, first + size);
        END IF;
    END LOOP;
    RETURN (upto / size + 1) * size;
END
$$;
SELECT log_partition_ensure(0);
