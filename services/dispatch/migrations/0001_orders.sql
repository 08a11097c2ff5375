-- Orders from the moment they are placed, the squads' parts in them, their bookings, and how far each squad's live queue is.
-- Rows are narrow and have room for HOT updates: no index is on a column that changes with every step.
CREATE TABLE orders (
    district     text        NOT NULL,
    id           bigint      NOT NULL,
    place        text        NOT NULL,
    town         text        NOT NULL,
    feed         text        NOT NULL,
    external     boolean     NOT NULL,
    urgency      text        NOT NULL,
    window_start timestamptz,
    window_end   timestamptz,
    candidates   text[]      NOT NULL,
    asked        integer     NOT NULL,
    assignment   bigint      NOT NULL,
    state        text        NOT NULL,
    version      bigint      NOT NULL,
    PRIMARY KEY (district, id),
    CHECK (asked BETWEEN 0 AND cardinality(candidates))
) WITH (fillfactor = 50);
COMMENT ON COLUMN orders.candidates IS 'squads of this round in the order they are asked; the first `asked` were; of an external order the squad it is attributed to';
COMMENT ON COLUMN orders.assignment IS 'the part that is live or was last; 0: nobody has the order';

CREATE TABLE assignment (
    district   text        NOT NULL,
    "order"    bigint      NOT NULL,
    id         bigint      NOT NULL,
    squad      text        NOT NULL,
    state      text        NOT NULL,
    rank       integer     NOT NULL,
    version    bigint      NOT NULL,
    respond_by timestamptz NOT NULL,
    press_by   timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    is_open    boolean     NOT NULL,
    PRIMARY KEY (district, "order", id),
    CHECK (is_open = (state = 'offered'))
) WITH (fillfactor = 50);
COMMENT ON COLUMN assignment.version IS 'of the order, when it was offered';
COMMENT ON COLUMN assignment.press_by IS 'respond_by less the boost of its urgency: what the live queue is sorted by';
-- What a squad's queue is rebuilt from. On is_open and not on state, so that the later steps leave the index alone.
CREATE INDEX assignment_open ON assignment (district, squad) WHERE is_open;

-- Whatever races happen, no lane of a squad is booked twice at a time (product.md §3).
CREATE TABLE booking (
    district   text      NOT NULL,
    assignment bigint    NOT NULL,
    "order"    bigint    NOT NULL,
    squad      text      NOT NULL,
    lane       integer   NOT NULL CHECK (lane BETWEEN 0 AND 63),
    during     tstzrange NOT NULL CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)),
    PRIMARY KEY (district, assignment),
    CONSTRAINT booking_lane_free EXCLUDE USING gist (district WITH =, squad WITH =, lane WITH =, during WITH &&)
);

-- The dispatch offset of the last change of a squad's queue, written in the transaction of the change; Redis must hold the same.
CREATE TABLE queue_position (
    district text   NOT NULL,
    squad    text   NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (district, squad)
) WITH (fillfactor = 10);
