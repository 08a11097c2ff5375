-- The data goes and its record comes in one statement; what is not there is not recorded as deleted.
WITH gone AS (
    DELETE FROM contact c
    USING unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) AS q(district, "order", organisation, role)
    WHERE c.district = q.district AND c."order" = q."order"
    RETURNING c.district, c."order", q.organisation, q.role
)
INSERT INTO contact_audit (district, "order", organisation, role, what, "time")
SELECT g.district, g."order", g.organisation, g.role, 'erased', $1::timestamptz FROM gone g
