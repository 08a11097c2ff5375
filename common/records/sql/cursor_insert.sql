INSERT INTO cursor (producer, part, from_offset, to_offset)
SELECT c.producer, $1::bigint, c.from_offset, c.to_offset
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS c(producer, from_offset, to_offset)
