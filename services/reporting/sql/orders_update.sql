UPDATE orders o
SET version = q.version, state = q.state, squad = q.squad, squad_recorded = q.squad_recorded, placed = q.placed,
    offered = q.offered, accepted = q.accepted, checked_in = q.checked_in, completed = q.completed, ended = q.ended,
    changed = q.changed, satisfaction = q.satisfaction, people_served = q.people_served
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],
            $13::timestamptz[], $14::integer[], $15::bigint[])
    AS q(district, "order", version, state, squad, squad_recorded, placed, offered, accepted, checked_in, completed, ended,
         changed, satisfaction, people_served)
WHERE o.district = q.district AND o."order" = q."order"
