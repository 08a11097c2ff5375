INSERT INTO orders (district, "order", version, state, external, place, town, feed, external_id, category, urgency, activity,
                    squad, squad_recorded, opened, placed, offered, accepted, checked_in, completed, ended, changed,
                    satisfaction, people_served)
SELECT q.district, q."order", q.version, q.state, q.external, q.place, q.town, q.feed, q.external_id, q.category, q.urgency,
       q.activity, q.squad, q.squad_recorded, q.opened, q.placed, q.offered, q.accepted, q.checked_in, q.completed, q.ended,
       q.changed, q.satisfaction, q.people_served
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::boolean[]), unnest($6::text[]),
             unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
             unnest($13::text[]), unnest($14::timestamptz[]), unnest($15::timestamptz[]), unnest($16::timestamptz[]),
             unnest($17::timestamptz[]), unnest($18::timestamptz[]), unnest($19::timestamptz[]), unnest($20::timestamptz[]),
             unnest($21::timestamptz[]), unnest($22::timestamptz[]), unnest($23::integer[]), unnest($24::bigint[]))
    AS q(district, "order", version, state, external, place, town, feed, external_id, category, urgency, activity, squad, squad_recorded,
         opened, placed, offered, accepted, checked_in, completed, ended, changed, satisfaction, people_served)
