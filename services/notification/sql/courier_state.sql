INSERT INTO webhook_state AS s (district, organisation, code, gone, not_before, failures, "time", status, error)
VALUES ($1::text, $2::text, $3::text, $4::timestamptz, $5::timestamptz, CASE WHEN $6::boolean THEN 1 ELSE 0 END, $7::timestamptz,
        $8::bigint::integer, $9::text)
ON CONFLICT (district, organisation, code) DO UPDATE
SET gone = coalesce(s.gone, excluded.gone), not_before = greatest(s.not_before, excluded.not_before),
    failures = CASE WHEN $6::boolean THEN s.failures + 1 ELSE 0 END,
    "time" = excluded."time", status = excluded.status, error = excluded.error
