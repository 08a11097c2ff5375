INSERT INTO squad_department (district, squad, version, recorded, department)
SELECT q.district, q.squad, q.version, q.recorded, q.department
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[])
    AS q(district, squad, version, recorded, department)
