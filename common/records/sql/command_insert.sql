INSERT INTO command (district, caller, id, digest, answer, recorded)
SELECT c.district, c.caller, c.id, c.digest, c.answer, $1::timestamptz
FROM (SELECT unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bytea[]), unnest($6::bytea[]))
    AS c(district, caller, id, digest, answer)
