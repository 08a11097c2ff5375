-- Contact data stays here and nowhere else (architecture.md §3): no event, no answer that is stored, no other schema has it. There is
-- no constraint on what is in it: PostgreSQL would write the failing row into its log.
CREATE TABLE contact (
    district text        NOT NULL,
    "order"  bigint      NOT NULL,
    name     text        NOT NULL,
    phone    text        NOT NULL,
    given    timestamptz NOT NULL,
    ended    timestamptz,
    PRIMARY KEY (district, "order")
) WITH (fillfactor = 80);
COMMENT ON COLUMN contact.ended IS 'when the order ended for good: from then on the data is kept for ZTC_CONTACT_KEEP_DAYS';
CREATE INDEX contact_ended ON contact (ended) WHERE ended IS NOT NULL;

-- Which assignments are live, as dispatch's log says.
CREATE TABLE contact_part (
    district   text        NOT NULL,
    "order"    bigint      NOT NULL,
    assignment bigint      NOT NULL,
    squad      text        NOT NULL,
    standing   text        NOT NULL CHECK (standing IN ('asked', 'live', 'over')),
    ended      timestamptz,
    PRIMARY KEY (district, "order", assignment)
) WITH (fillfactor = 60);
CREATE INDEX contact_part_ended ON contact_part (ended) WHERE ended IS NOT NULL;

-- Who saw contact data whole, and what was deleted; never the data.
CREATE TABLE contact_audit (
    audit        bigint      GENERATED ALWAYS AS IDENTITY,
    district     text        NOT NULL,
    "order"      bigint      NOT NULL,
    organisation text        NOT NULL,
    role         text        NOT NULL,
    what         text        NOT NULL CHECK (what IN ('read', 'erased', 'expired')),
    "time"       timestamptz NOT NULL,
    PRIMARY KEY (district, audit)
);
CREATE INDEX contact_audit_order ON contact_audit (district, "order", audit);
COMMENT ON COLUMN contact_audit.organisation IS 'empty: the system, when the time of keeping was over';
