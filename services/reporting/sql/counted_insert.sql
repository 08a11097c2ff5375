INSERT INTO counted (district, squad, quarter, "offset", "order", place, satisfaction, "time")
SELECT q.district, q.squad, q.quarter, q."offset", q."order", q.place, q.satisfaction, q."time"
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::integer[], $8::timestamptz[])
    AS q(district, squad, quarter, "offset", "order", place, satisfaction, "time")
