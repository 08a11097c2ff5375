-- Orders of several squads: a seat for each, the first of which leads; stays over days: several bookings in one assignment.
ALTER TABLE orders ADD COLUMN required integer NOT NULL DEFAULT 1 CHECK (required BETWEEN 1 AND 16);
COMMENT ON COLUMN orders.required IS 'seats that must be filled, from seat 1; those after them are optional';

ALTER TABLE assignment
    ADD COLUMN seat integer NOT NULL DEFAULT 0 CHECK (seat BETWEEN 0 AND 16),
    ADD COLUMN checked_in timestamptz,
    ADD COLUMN completed timestamptz,
    ADD COLUMN outcome bytea;
COMMENT ON COLUMN assignment.seat IS 'the seat it has in its order, from 1; 0: it is past';
COMMENT ON COLUMN assignment.outcome IS 'assignment_completed as encoded, while the order waits for other squads: what its session is summed from';
UPDATE assignment a SET seat = 1 FROM orders o WHERE o.district = a.district AND o.id = a."order" AND o.assignment = a.id;
-- When the parts now in service checked in is in the log alone; their sessions begin with the order's change.
UPDATE assignment a SET checked_in = e."time"
FROM event e
WHERE a.state = 'in_service' AND e.district = a.district AND e.key = 'order/' || a."order" AND e.type = 'assignment_checked_in';
ALTER TABLE orders DROP COLUMN assignment;

ALTER TABLE booking ADD COLUMN ordinal integer NOT NULL DEFAULT 0 CHECK (ordinal BETWEEN 0 AND 59);
COMMENT ON COLUMN booking.ordinal IS 'which of the assignment''s windows, from 0 in the order of time';
ALTER TABLE booking DROP CONSTRAINT booking_pkey;
ALTER TABLE booking ADD PRIMARY KEY (district, assignment, ordinal);
