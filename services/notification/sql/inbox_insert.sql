INSERT INTO inbox (district, side, organisation, notice, producer, part, "offset", type, "order", place, town, squad, "by", due,
                   "time", recorded)
SELECT n.district, n.side, n.organisation, n.notice, n.producer, n.part, n."offset", n.type, n."order", n.place, n.town, n.squad,
       n."by", n.due, n."time", n.recorded
FROM (SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::text[]), unnest($6::integer[]),
             unnest($7::bigint[]), unnest($8::text[]), unnest($9::bigint[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
             unnest($13::text[]), unnest($14::timestamptz[]), unnest($15::timestamptz[]), unnest($16::timestamptz[]))
    AS n(district, side, organisation, notice, producer, part, "offset", type, "order", place, town, squad, "by", due, "time", recorded)
