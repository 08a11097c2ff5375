INSERT INTO inbox (district, side, organisation, notice, producer, part, "offset", type, "order", place, town, squad, "by", due,
                   "time", recorded)
SELECT n.district, n.side, n.organisation, n.notice, n.producer, n.part, n."offset", n.type, n."order", n.place, n.town, n.squad,
       n."by", n.due, n."time", n.recorded
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::integer[], $7::bigint[], $8::text[], $9::bigint[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[])
    AS n(district, side, organisation, notice, producer, part, "offset", type, "order", place, town, squad, "by", due, "time",
         recorded)
