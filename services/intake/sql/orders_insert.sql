-- A feed's id that somebody else wrote meanwhile is refused by orders_external, and the batch is done again.
INSERT INTO orders (district, id, place, town, feed, external_id, state, version, last_offset, wish)
SELECT q.district, q.id, q.place, q.town, q.feed, q.external_id, q.state, q.version, q.last_offset, q.wish
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bytea[])
    AS q(district, id, place, town, feed, external_id, state, version, last_offset, wish)
