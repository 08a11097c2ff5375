-- What reporting shows, projected from the logs of intake, dispatch and evaluation. No column holds a generated id, an order of
-- arrival or the time of applying, so that a rebuilt projection equals the old one.
CREATE TABLE orders (
    district       text        NOT NULL,
    "order"        bigint      NOT NULL,
    version        bigint      NOT NULL,
    state          text        NOT NULL,
    external       boolean     NOT NULL,
    place          text        NOT NULL,
    town           text        NOT NULL,
    feed           text        NOT NULL,
    external_id    text        NOT NULL,
    category       text        NOT NULL,
    urgency        text        NOT NULL,
    activity       text        NOT NULL,
    squad          text        NOT NULL,
    squad_recorded timestamptz,
    opened         timestamptz NOT NULL,
    placed         timestamptz,
    offered        timestamptz,
    accepted       timestamptz,
    checked_in     timestamptz,
    completed      timestamptz,
    ended          timestamptz,
    changed        timestamptz NOT NULL,
    satisfaction   integer     NOT NULL CHECK (satisfaction BETWEEN 0 AND 5),
    people_served  bigint      NOT NULL,
    PRIMARY KEY (district, "order"),
    CHECK (satisfaction = 0 OR NOT external)
) WITH (fillfactor = 60);
COMMENT ON TABLE orders IS 'each order as it now is; no indexed column changes in its life, so that its steps are HOT updates';
COMMENT ON COLUMN orders.squad_recorded IS 'when the squad was given: its department is the one it belonged to then';
CREATE INDEX orders_town ON orders (district, town, "order");
CREATE INDEX orders_place ON orders (district, place, "order");
CREATE UNIQUE INDEX orders_external ON orders (district, feed, external_id) WHERE external_id <> '';

CREATE TABLE history (
    district text        NOT NULL,
    "order"  bigint      NOT NULL,
    version  bigint      NOT NULL,
    type     text        NOT NULL,
    "time"   timestamptz NOT NULL,
    recorded timestamptz NOT NULL,
    producer text        NOT NULL,
    part     integer     NOT NULL,
    "offset" bigint      NOT NULL,
    "by"     text        NOT NULL,
    trace    text        NOT NULL,
    body     bytea       NOT NULL,
    PRIMARY KEY (district, "order", version)
);
COMMENT ON TABLE history IS 'every event of every order, as it was said';

-- A squad sees every order that it was ever asked to serve.
CREATE TABLE asked (
    district text   NOT NULL,
    squad    text   NOT NULL,
    "order"  bigint NOT NULL,
    PRIMARY KEY (district, squad, "order")
);

-- Whose squad it was when: every version of its fact. An order counts for the department that the squad belonged to when the order
-- was given to it, whichever of the two events arrived here first.
CREATE TABLE squad_department (
    district   text        NOT NULL,
    squad      text        NOT NULL,
    version    bigint      NOT NULL,
    recorded   timestamptz NOT NULL,
    department text        NOT NULL,
    PRIMARY KEY (district, squad, version)
);
-- The first version holds from the beginning; a clock that went backwards gives an empty span, never two at once.
CREATE VIEW squad_span AS
SELECT district, squad, department, since,
       lead(since, 1, 'infinity') OVER (PARTITION BY district, squad ORDER BY version) AS until
FROM (
    SELECT district, squad, version, department,
           CASE WHEN row_number() OVER newest = 1 THEN '-infinity' ELSE max(recorded) OVER newest END AS since
    FROM squad_department
    WINDOW newest AS (PARTITION BY district, squad ORDER BY version)
) AS stated;

CREATE TABLE stars (
    district         text        NOT NULL,
    quarter          text        NOT NULL,
    squad            text        NOT NULL,
    version          bigint      NOT NULL,
    scheme           text        NOT NULL,
    stars            integer     NOT NULL CHECK (stars BETWEEN 1 AND 5),
    counted          bigint      NOT NULL,
    total            bigint      NOT NULL,
    rated            timestamptz NOT NULL,
    PRIMARY KEY (district, quarter, squad)
) WITH (fillfactor = 50);
COMMENT ON TABLE stars IS 'as evaluation last said; the district''s sums are those of all its squads here';

CREATE TABLE counted (
    district     text        NOT NULL,
    squad        text        NOT NULL,
    quarter      text        NOT NULL,
    "offset"     bigint      NOT NULL,
    "order"      bigint      NOT NULL,
    place        text        NOT NULL,
    satisfaction integer     NOT NULL,
    "time"       timestamptz NOT NULL,
    PRIMARY KEY (district, squad, quarter, "offset")
);
COMMENT ON COLUMN counted."offset" IS 'of the confirmation in dispatch''s log';
