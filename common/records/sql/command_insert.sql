INSERT INTO command (district, caller, id, digest, answer, recorded)
SELECT c.district, c.caller, c.id, c.digest, c.answer, $1::timestamptz
FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[]) AS c(district, caller, id, digest, answer)
