SELECT a.audit, a."order", a.organisation, a.role, a.what, a."time"
FROM contact_audit a
WHERE a.district = $1::text AND ($2::bigint = 0 OR a."order" = $2::bigint) AND a.audit < $3::bigint
ORDER BY a.audit DESC
LIMIT $4::bigint
