INSERT INTO session (district, session, kind, "order", place, town, squads, started, ended, recorded, people_served, viewers, minutes,
                     issues_found, body)
SELECT q.district, q.session, q.kind, q."order", q.place, q.town, string_to_array(q.squads, E'\x1F'), q.started, q.ended, q.recorded,
       q.people_served, q.viewers, q.minutes, q.issues_found, q.body
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
            $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bytea[])
    AS q(district, session, kind, "order", place, town, squads, started, ended, recorded, people_served, viewers, minutes,
         issues_found, body)
