INSERT INTO counted (district, squad, quarter, "offset", "order", place, satisfaction, "time")
SELECT q.district, q.squad, q.quarter, q."offset", q."order", q.place, q.satisfaction, q."time"
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::text[]),
             unnest($7::integer[]), unnest($8::timestamptz[]))
    AS q(district, squad, quarter, "offset", "order", place, satisfaction, "time")
