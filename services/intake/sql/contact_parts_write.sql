INSERT INTO contact_part (district, "order", assignment, squad, standing, ended)
SELECT q.district, q."order", q.assignment, q.squad, q.standing, q.ended
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
    AS q(district, "order", assignment, squad, standing, ended)
ON CONFLICT (district, "order", assignment) DO UPDATE SET standing = excluded.standing, ended = excluded.ended
