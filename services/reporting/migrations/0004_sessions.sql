-- What took place: the squads that served one order at one place in one period.
CREATE TABLE session (
    district      text        NOT NULL,
    session       bigint      NOT NULL,
    kind          text        NOT NULL,
    "order"       bigint      NOT NULL,
    place         text        NOT NULL,
    town          text        NOT NULL,
    squads        text[]      NOT NULL CHECK (cardinality(squads) BETWEEN 1 AND 16),
    started       timestamptz NOT NULL,
    ended         timestamptz NOT NULL,
    recorded      timestamptz NOT NULL,
    people_served bigint      NOT NULL,
    viewers       bigint      NOT NULL,
    minutes       bigint      NOT NULL,
    issues_found  bigint      NOT NULL,
    body          bytea       NOT NULL,
    PRIMARY KEY (district, session),
    CHECK ((kind = 'joint') = (cardinality(squads) > 1))
);
COMMENT ON TABLE session IS 'session_held as it was said; items and resolutions are in its body';
COMMENT ON COLUMN session.squads IS 'those that checked in, the lead first';
CREATE INDEX session_order ON session (district, "order");
