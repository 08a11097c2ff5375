INSERT INTO counted (district, squad, quarter, producer, part, "offset", "order", place, satisfaction, "time")
SELECT c.district, c.squad, c.quarter, c.producer, c.part, c."offset", c."order", c.place, c.satisfaction, c."time"
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::integer[]), unnest($6::bigint[]),
             unnest($7::bigint[]), unnest($8::text[]), unnest($9::integer[]), unnest($10::timestamptz[]))
    AS c(district, squad, quarter, producer, part, "offset", "order", place, satisfaction, "time")
