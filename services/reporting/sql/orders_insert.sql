INSERT INTO orders (district, "order", version, state, external, place, town, feed, external_id, category, urgency, activity,
                    squad, squad_recorded, opened, placed, offered, accepted, checked_in, completed, ended, changed,
                    satisfaction, people_served)
SELECT q.district, q."order", q.version, q.state, q.external, q.place, q.town, q.feed, q.external_id, q.category, q.urgency,
       q.activity, q.squad, q.squad_recorded, q.opened, q.placed, q.offered, q.accepted, q.checked_in, q.completed, q.ended,
       q.changed, q.satisfaction, q.people_served
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[],
            $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[],
            $22::timestamptz[], $23::integer[], $24::bigint[])
    AS q(district, "order", version, state, external, place, town, feed, external_id, category, urgency, activity, squad,
         squad_recorded, opened, placed, offered, accepted, checked_in, completed, ended, changed, satisfaction, people_served)
