INSERT INTO webhook_secret (district, organisation, code, number, sealed)
SELECT $1::text, $2::text, $3::text, coalesce(max(number), 0) + 1, $4::bytea
FROM webhook_secret
WHERE district = $1::text AND organisation = $2::text AND code = $3::text
