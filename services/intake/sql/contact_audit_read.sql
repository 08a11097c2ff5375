INSERT INTO contact_audit (district, "order", organisation, role, what, "time")
VALUES ($1::text, $2::bigint, $3::text, $4::text, 'read', $5::timestamptz)
