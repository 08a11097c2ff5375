-- A feed's id that somebody else wrote meanwhile is refused by orders_external, and the batch is done again.
INSERT INTO orders (district, id, place, town, feed, external_id, state, version, last_offset, wish)
SELECT q.district, q.id, q.place, q.town, q.feed, q.external_id, q.state, q.version, q.last_offset, q.wish
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
             unnest($7::text[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bytea[]))
    AS q(district, id, place, town, feed, external_id, state, version, last_offset, wish)
