INSERT INTO counted (district, squad, quarter, producer, part, "offset", "order", place, satisfaction, "time")
SELECT c.district, c.squad, c.quarter, c.producer, c.part, c."offset", c."order", c.place, c.satisfaction, c."time"
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[],
            $9::integer[], $10::timestamptz[])
    AS c(district, squad, quarter, producer, part, "offset", "order", place, satisfaction, "time")
