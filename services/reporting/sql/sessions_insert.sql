INSERT INTO session (district, session, kind, "order", place, town, squads, started, ended, recorded, people_served, viewers, minutes,
                     issues_found, body)
SELECT q.district, q.session, q.kind, q."order", q.place, q.town, string_to_array(q.squads, E'\x1F'), q.started, q.ended, q.recorded,
       q.people_served, q.viewers, q.minutes, q.issues_found, q.body
FROM (SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::text[]), unnest($6::text[]),
             unnest($7::text[]), unnest($8::timestamptz[]), unnest($9::timestamptz[]), unnest($10::timestamptz[]), unnest($11::bigint[]),
             unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::bytea[]))
    AS q(district, session, kind, "order", place, town, squads, started, ended, recorded, people_served, viewers, minutes, issues_found,
         body)
