WITH gone AS (
    DELETE FROM contact
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM contact WHERE ended < $1::timestamptz LIMIT 2000))
    RETURNING district, "order"
)
INSERT INTO contact_audit (district, "order", organisation, role, what, "time")
SELECT g.district, g."order", '', '', 'expired', $2::timestamptz FROM gone g
