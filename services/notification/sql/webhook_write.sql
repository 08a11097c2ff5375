INSERT INTO webhook (district, organisation, code, version, body, url, enabled, removed)
VALUES ($1::text, $2::text, $3::text, $4::bigint, $5::bytea, $6::text, $7::boolean, $8::boolean)
ON CONFLICT (district, organisation, code) DO UPDATE
SET version = excluded.version, body = excluded.body, url = excluded.url, enabled = excluded.enabled, removed = excluded.removed
