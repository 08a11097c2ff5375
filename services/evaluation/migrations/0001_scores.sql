-- What was counted, and the sums and stars that follow from it (product.md §7, scheme "provisional"). Quarters are texts such as
-- 2026Q1, in the district's own time.
CREATE TABLE counted (
    district     text        NOT NULL,
    squad        text        NOT NULL,
    quarter      text        NOT NULL,
    producer     text        NOT NULL,
    part         integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    "order"      bigint      NOT NULL,
    place        text        NOT NULL,
    satisfaction integer     NOT NULL CHECK (satisfaction BETWEEN 1 AND 5),
    "time"       timestamptz NOT NULL,
    PRIMARY KEY (district, squad, quarter, producer, part, "offset")
);
COMMENT ON TABLE counted IS 'each confirmation that counts, by the position of its event: a second insert of the same is refused';

CREATE TABLE district_quarter (
    district text   NOT NULL,
    quarter  text   NOT NULL,
    counted  bigint NOT NULL,
    total    bigint NOT NULL,
    PRIMARY KEY (district, quarter),
    CHECK (total BETWEEN counted AND 5 * counted)
) WITH (fillfactor = 50);
COMMENT ON TABLE district_quarter IS 'sums of all squads; its row is locked before any squad''s of that quarter is changed';

CREATE TABLE squad_quarter (
    district text    NOT NULL,
    quarter  text    NOT NULL,
    squad    text    NOT NULL,
    counted  bigint  NOT NULL,
    total    bigint  NOT NULL,
    stars    integer NOT NULL CHECK (stars BETWEEN 1 AND 5),
    version  bigint  NOT NULL,
    PRIMARY KEY (district, quarter, squad),
    CHECK (total BETWEEN counted AND 5 * counted)
) WITH (fillfactor = 50);
COMMENT ON COLUMN squad_quarter.version IS 'of the events score_counted and squad_rated about it, continuous from 1';
