INSERT INTO subscription (district, owner, code, version, body) VALUES ($1::text, $2::text, $3::text, $4::bigint, $5::bytea)
