-- Who is told what (product.md §8), one row per event and side that hears it. Nothing here comes from the order of arrival or
-- from the directory, so that a rebuild gives the same rows. `organisation` is the side's code as the event names it; for the
-- side `department` it is the squad, whose department reads the row; for `committee` it is empty, the district having one.
CREATE TABLE inbox (
    district     text        NOT NULL,
    side         text        NOT NULL,
    organisation text        NOT NULL,
    notice       bigint      NOT NULL,
    producer     text        NOT NULL,
    part         integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    type         text        NOT NULL,
    "order"      bigint      NOT NULL,
    place        text        NOT NULL,
    town         text        NOT NULL,
    squad        text        NOT NULL,
    "by"         text        NOT NULL,
    due          timestamptz,
    "time"       timestamptz NOT NULL,
    recorded     timestamptz NOT NULL,
    PRIMARY KEY (district, side, organisation, notice, producer, part, "offset")
);
COMMENT ON COLUMN inbox.notice IS 'recorded time and log position in one number: newest first, for paging';
