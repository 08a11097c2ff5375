INSERT INTO contact (district, "order", name, phone, given)
SELECT q.district, q."order", q.name, q.phone, $1::timestamptz
FROM (SELECT unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[])) AS q(district, "order", name, phone)
ON CONFLICT (district, "order") DO UPDATE SET name = excluded.name, phone = excluded.phone, given = excluded.given
