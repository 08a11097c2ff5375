INSERT INTO line (district, key, version)
SELECT q.district, q.key, q.version FROM unnest($1::text[], $2::text[], $3::bigint[]) AS q(district, key, version)
