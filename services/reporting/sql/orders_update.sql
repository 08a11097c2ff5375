UPDATE orders o
SET version = q.version, state = q.state, squad = q.squad, squad_recorded = q.squad_recorded, placed = q.placed,
    offered = q.offered, accepted = q.accepted, checked_in = q.checked_in, completed = q.completed, ended = q.ended,
    changed = q.changed, satisfaction = q.satisfaction, people_served = q.people_served
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]),
             unnest($6::timestamptz[]), unnest($7::timestamptz[]), unnest($8::timestamptz[]), unnest($9::timestamptz[]),
             unnest($10::timestamptz[]), unnest($11::timestamptz[]), unnest($12::timestamptz[]), unnest($13::timestamptz[]),
             unnest($14::integer[]), unnest($15::bigint[]))
    AS q(district, "order", version, state, squad, squad_recorded, placed, offered, accepted, checked_in, completed, ended, changed,
         satisfaction, people_served)
WHERE o.district = q.district AND o."order" = q."order"
